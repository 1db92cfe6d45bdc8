//! Views over rows and over what describes them.

use crate::MessageError;
use crate::reader::Reader;

/// One row of a result.
#[derive(Debug, Clone, Copy)]
pub struct DataRow<'a> {
    values: Reader<'a>,
    count: u16,
}

/// The values of a row, NULL as `None`.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    reader: Reader<'a>,
    left: u16,
}

impl<'a> DataRow<'a> {
    /// Checks the whole body.
    pub fn decode(body: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new("DataRow", body);
        let count = reader.u16()?;
        let values = reader;
        for _ in 0..count {
            reader.value()?;
        }
        reader.end()?;
        Ok(Self { values, count })
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        usize::from(self.count)
    }

    /// The value of a column, or nothing when it is NULL or does not exist.
    pub fn get(&self, column: usize) -> Option<&'a [u8]> {
        self.iter().nth(column).flatten()
    }

    pub fn iter(&self) -> Values<'a> {
        Values { reader: self.values, left: self.count }
    }
}

impl<'a> IntoIterator for DataRow<'a> {
    type Item = Option<&'a [u8]>;
    type IntoIter = Values<'a>;
    fn into_iter(self) -> Values<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &DataRow<'a> {
    type Item = Option<&'a [u8]>;
    type IntoIter = Values<'a>;
    fn into_iter(self) -> Values<'a> {
        self.iter()
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        // `DataRow::decode` has read all of them once, so none can fail here.
        self.reader.value().ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.left), Some(usize::from(self.left)))
    }
}

/// One column of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column<'a> {
    pub name: &'a [u8],
    /// 0 when it is not a table's column.
    pub table: u32,
    pub attribute: u16,
    pub type_oid: u32,
    /// Bytes, or -1 for a type of variable length.
    pub type_len: i16,
    pub type_modifier: i32,
    /// 0 is text, 1 is binary.
    pub format: u16,
}

/// The columns of a result.
#[derive(Debug, Clone, Copy)]
pub struct RowDescription<'a> {
    columns: Reader<'a>,
    count: u16,
}

impl<'a> RowDescription<'a> {
    /// Checks the whole body.
    pub fn decode(body: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new("RowDescription", body);
        let count = reader.u16()?;
        let columns = reader;
        for _ in 0..count {
            column(&mut reader)?;
        }
        reader.end()?;
        Ok(Self { columns, count })
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn iter(&self) -> impl Iterator<Item = Column<'a>> + use<'a> {
        let mut columns = self.columns;
        (0..self.count).map_while(move |_| column(&mut columns).ok())
    }
}

fn column<'a>(reader: &mut Reader<'a>) -> Result<Column<'a>, MessageError> {
    Ok(Column {
        name: reader.text()?,
        table: reader.u32()?,
        attribute: reader.u16()?,
        type_oid: reader.u32()?,
        type_len: reader.u16()?.cast_signed(),
        type_modifier: reader.i32()?,
        format: reader.u16()?,
    })
}

/// The types of a statement's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterDescription<'a> {
    oids: &'a [[u8; 4]],
}

impl<'a> ParameterDescription<'a> {
    pub fn decode(body: &'a [u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new("ParameterDescription", body);
        let count = usize::from(reader.u16()?);
        let oids = reader.bytes(count * 4)?.as_chunks().0;
        reader.end()?;
        Ok(Self { oids })
    }

    /// The OIDs, in order.
    pub fn types(&self) -> impl ExactSizeIterator<Item = u32> + 'a {
        self.oids.iter().map(|oid| u32::from_be_bytes(*oid))
    }
}
