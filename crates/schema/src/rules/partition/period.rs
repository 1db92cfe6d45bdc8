//! Periods: `1 month`, `90 days`.

/// The period as PostgreSQL takes it, or `None`.
pub(super) fn parse(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let (number, unit) = (words.next()?, words.next()?);
    let number: u16 = number.parse().ok().filter(|number| *number > 0)?;
    if words.next().is_some() {
        return None;
    }
    let unit = unit.strip_suffix('s').unwrap_or(unit);
    match unit {
        "day" | "week" | "month" | "year" => {
            Some(format!("{number} {unit}{}", if number == 1 { "" } else { "s" }))
        }
        "quarter" => Some(format!("{} months", number.checked_mul(3)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn whole_numbers_of_known_units() {
        assert_eq!(parse("1 month").as_deref(), Some("1 month"));
        assert_eq!(parse(" 24  month").as_deref(), Some("24 months"));
        assert_eq!(parse("2 quarters").as_deref(), Some("6 months"));
        for wrong in ["", "month", "0 days", "1.5 months", "12 hours", "1 month 2 days", "-1 day"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
