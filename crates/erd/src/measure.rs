//! How wide a text is at most, without a font at hand. Everything in the pictures is set in a fixed-width font.

/// A character's width as a part of the font size. The fixed-width fonts of today's systems lie between 0.55 and 0.602.
const NARROW: f64 = 0.61;
/// Letters of other scripts may come from another font.
const FOREIGN: f64 = 0.85;
/// Ideographs, emoji, everything else.
const WIDE: f64 = 1.3;

fn width_of(c: char) -> f64 {
    match c {
        ' '..='~' => NARROW,
        '\u{a0}'..='\u{52f}' | '\u{2010}'..='\u{2027}' | '\u{2190}'..='\u{21ff}' => FOREIGN,
        _ => WIDE,
    }
}

/// The most that a text can be wide.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(width_of).sum::<f64>() * size
}

/// The text, or its beginning and an ellipsis, so that it fits.
pub(crate) fn fit(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut left = room / size - FOREIGN;
    let fits = |c: &char| {
        left -= width_of(*c);
        left >= 0.0
    };
    let mut shown: String = text.chars().take_while(fits).collect();
    shown.push('\u{2026}');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_fits() {
        for text in [
            "a_rather_long_name_of_a_column",
            "größe_in_zeichen_und_mehr",
            "表の名前は日本語です",
            "😀😀😀😀😀😀😀😀",
        ] {
            for room in [20.0, 50.0, 90.0] {
                let shown = fit(text, 12.0, room);
                assert!(width(&shown, 12.0) <= room || shown == "…", "{shown}");
            }
            assert_eq!(fit(text, 12.0, 1_000.0), text);
        }
    }
}
