//! What a statement returns and takes, as its server describes it: names of columns, types, type modifiers. That is what
//! PostgreSQL holds a prepared statement to (`cached plan must not change result type`), as far as a client can see it, and
//! the types of parameters, which a statement that is prepared anew may have other than the client encodes.
//!
//! Not which table a column is of, which differs between placements, nor the format, which each Bind chooses.

use super::StatementScope;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU64;
use tenantry_core::DatabaseId;
use tenantry_wire::backend::{ParameterDescription, RowDescription};

/// Types from here on are a database's own, and another's have these numbers too (`FirstNormalObjectId`).
const FIRST_OWN_TYPE: u32 = 16_384;

/// A digest of a statement's description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Without the numbers of a database's own types.
    portable: NonZeroU64,
    /// Those numbers.
    numbers: u32,
}

/// Where the numbers of types mean the same.
pub(crate) type Place = (DatabaseId, StatementScope);

/// What a client knows of its statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Promise {
    shape: Shape,
    place: u32,
}

impl Promise {
    pub(crate) fn new(shape: Shape, place: Place) -> Self {
        Self { shape, place: digest(place) }
    }

    /// Whether a statement of this shape is what the client knows. In another place than where it was told, types of the
    /// tenant's own have other numbers.
    #[inline]
    pub(crate) fn is_kept_by(self, shape: Shape, place: Place) -> bool {
        self.shape == shape || (self.shape.portable == shape.portable && self.place != digest(place))
    }
}

/// The digest of a description while it is read.
struct Reading {
    portable: DefaultHasher,
    numbers: DefaultHasher,
}

impl Reading {
    fn new() -> Self {
        Self { portable: DefaultHasher::new(), numbers: DefaultHasher::new() }
    }

    fn oid(&mut self, oid: u32) {
        if oid < FIRST_OWN_TYPE {
            self.portable.write_u32(oid);
        } else {
            self.portable.write_u32(FIRST_OWN_TYPE);
            self.numbers.write_u32(oid);
        }
    }

    fn end(self) -> Shape {
        let portable = NonZeroU64::new(self.portable.finish()).unwrap_or(NonZeroU64::MIN);
        Shape { portable, numbers: half(self.numbers.finish()) }
    }
}

impl Shape {
    /// Of the parameters alone: the beginning of a description. `None` for what is none.
    pub(crate) fn of_parameters(body: &[u8]) -> Option<Self> {
        let parameters = ParameterDescription::decode(body).ok()?;
        let mut reading = Reading::new();
        for oid in parameters.types() {
            reading.oid(oid);
        }
        Some(reading.end())
    }

    /// With the rows that follow.
    pub(crate) fn with_rows(self, body: &[u8]) -> Option<Self> {
        let columns = RowDescription::decode(body).ok()?;
        let mut reading = self.go_on();
        reading.portable.write_usize(columns.len());
        for column in columns.iter() {
            reading.portable.write(column.name);
            reading.portable.write_u8(0);
            reading.oid(column.type_oid);
            reading.portable.write_i32(column.type_modifier);
        }
        Some(reading.end())
    }

    /// Without any.
    pub(crate) fn without_rows(self) -> Self {
        self.go_on().end()
    }

    fn go_on(self) -> Reading {
        let mut reading = Reading::new();
        reading.portable.write_u64(self.portable.get());
        reading.numbers.write_u32(self.numbers);
        reading
    }
}

fn digest(place: Place) -> u32 {
    let mut hasher = DefaultHasher::new();
    place.hash(&mut hasher);
    half(hasher.finish())
}

fn half(digest: u64) -> u32 {
    (digest >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::{BufMut, BytesMut};
    use tenantry_wire::backend::parameter_description;
    use tenantry_wire::frame;

    const HERE: Place = (DatabaseId::new(1), StatementScope::Tenant(1));
    const THERE: Place = (DatabaseId::new(1), StatementScope::Tenant(2));

    /// A column of a table, of which clients are told the number.
    struct Told(&'static str, u32, u32, i32, u16);

    fn shape(parameters: &[u32], columns: &[Told]) -> Shape {
        let mut described = BytesMut::new();
        parameter_description(&mut described, parameters);
        let begun = Shape::of_parameters(&described[frame::HEADER..]).unwrap();
        let mut rows = BytesMut::new();
        rows.put_u16(u16::try_from(columns.len()).unwrap());
        for Told(name, table, type_oid, type_modifier, format) in columns {
            rows.put_slice(name.as_bytes());
            rows.put_u8(0);
            rows.put_u32(*table);
            rows.put_u16(1);
            rows.put_u32(*type_oid);
            rows.put_i16(-1);
            rows.put_i32(*type_modifier);
            rows.put_u16(*format);
        }
        begun.with_rows(&rows).unwrap()
    }

    #[test]
    fn what_a_client_can_tell_apart_is_another_shape() {
        let known = shape(&[20], &[Told("id", 7, 20, -1, 0), Told("body", 7, 25, -1, 0)]);
        let promise = Promise::new(known, HERE);
        let same = shape(&[20], &[Told("id", 8, 20, -1, 1), Told("body", 9, 25, -1, 0)]);
        assert!(promise.is_kept_by(same, HERE) && promise.is_kept_by(same, THERE));
        for other in [
            shape(&[23], &[Told("id", 7, 20, -1, 0), Told("body", 7, 25, -1, 0)]),
            shape(&[], &[Told("id", 7, 20, -1, 0), Told("body", 7, 25, -1, 0)]),
            shape(&[20], &[Told("id", 7, 23, -1, 0), Told("body", 7, 25, -1, 0)]),
            shape(&[20], &[Told("id", 7, 20, -1, 0), Told("body", 7, 1043, 14, 0)]),
            shape(&[20], &[Told("body", 7, 25, -1, 0), Told("id", 7, 20, -1, 0)]),
            shape(&[20], &[Told("id", 7, 20, -1, 0)]),
            shape(&[20], &[]),
            Shape::of_parameters(&[0, 1, 0, 0, 0, 20]).unwrap().without_rows(),
        ] {
            assert!(!promise.is_kept_by(other, HERE) && !promise.is_kept_by(other, THERE));
        }
        assert_ne!(shape(&[], &[]), Shape::of_parameters(&[0, 0]).unwrap().without_rows());
    }

    #[test]
    fn a_type_of_ones_own_has_a_number_of_its_own_in_each_place() {
        let promise = Promise::new(shape(&[16_400], &[Told("mood", 7, 16_400, -1, 0)]), HERE);
        let other = shape(&[16_500], &[Told("mood", 8, 16_500, -1, 0)]);
        assert!(!promise.is_kept_by(other, HERE));
        assert!(promise.is_kept_by(other, THERE));
        assert!(!promise.is_kept_by(shape(&[16_500], &[Told("mood", 8, 25, -1, 0)]), THERE));
    }
}
