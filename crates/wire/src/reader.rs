//! A checked cursor over one message's body.

use crate::MessageError;

/// Reads the fields of a message in order; every error names the message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    left: &'a [u8],
    message: &'static str,
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(message: &'static str, body: &'a [u8]) -> Self {
        Self { left: body, message }
    }

    pub(crate) fn truncated(&self) -> MessageError {
        MessageError::Truncated(self.message)
    }

    pub(crate) fn invalid(&self) -> MessageError {
        MessageError::Invalid(self.message)
    }

    /// What has not been read yet.
    #[inline]
    pub(crate) fn left(&self) -> &'a [u8] {
        self.left
    }

    #[inline]
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], MessageError> {
        let (taken, left) = self.left.split_at_checked(count).ok_or(self.truncated())?;
        self.left = left;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], MessageError> {
        let (taken, left) = self.left.split_first_chunk::<N>().ok_or(self.truncated())?;
        self.left = left;
        Ok(*taken)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, MessageError> {
        self.array::<1>().map(|[byte]| byte)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, MessageError> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, MessageError> {
        self.array().map(u32::from_be_bytes)
    }

    #[inline]
    pub(crate) fn i32(&mut self) -> Result<i32, MessageError> {
        self.array().map(i32::from_be_bytes)
    }

    /// A text up to its zero byte, which is consumed too.
    #[inline]
    pub(crate) fn text(&mut self) -> Result<&'a [u8], MessageError> {
        let end = memchr::memchr(0, self.left).ok_or(self.truncated())?;
        let text = &self.left[..end];
        self.left = &self.left[end + 1..];
        Ok(text)
    }

    /// A value with its length before it; -1 is NULL.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Option<&'a [u8]>, MessageError> {
        match self.i32()? {
            -1 => Ok(None),
            len => self.bytes(usize::try_from(len).map_err(|_| self.invalid())?).map(Some),
        }
    }

    /// Nothing may be left.
    #[inline]
    pub(crate) fn end(self) -> Result<(), MessageError> {
        if self.left.is_empty() { Ok(()) } else { Err(MessageError::Trailing(self.message)) }
    }
}
