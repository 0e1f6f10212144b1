//! Text of strangers in front of people: whoever may name a user must not be able to move the cursor, to paint, or to turn
//! the direction of what stands beside the name.

use std::fmt::Write as _;

/// Control characters, and those that are invisible or change how their neighbours are shown.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// `text` in one line, with everything harmful written out, as in `\u{1b}`.
pub fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// JSON with everything harmful written as `\uXXXX`: the same document. Only inside of texts can it stand.
pub(crate) fn harmless_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_harmful(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").expect("writing to a text never fails");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A terminal's escape sequences in both spellings, a bell, a carriage return, and a turned direction.
    const HARMFUL: &str = "a\u{1b}[2Jb\u{9b}31mc\u{7}\r\nd\u{202e}e\u{200b}";

    #[test]
    fn nothing_that_a_terminal_obeys_is_left_and_no_text_is_lost() {
        assert_eq!(harmless(HARMFUL), r"a\u{1b}[2Jb\u{9b}31mc\u{7}\r\nd\u{202e}e\u{200b}");
    }

    #[test]
    fn names_of_all_languages_stay_as_they_are() {
        for name in ["李雷", "Zoë O’Neil \"z\" \\", "e\u{301}", "ราม", "🦀", "a→b"] {
            assert_eq!(harmless(name), name);
        }
    }

    #[test]
    fn json_stays_the_same_document() {
        let text = format!("{HARMFUL}\u{e0041}");
        let json = serde_json::to_string(&text).unwrap();
        let harmless = harmless_json(&json);
        assert!(!harmless.chars().any(is_harmful), "{harmless}");
        assert_eq!(serde_json::from_str::<String>(&harmless).unwrap(), text);
    }
}
