//! What psql understands and PostgreSQL does not: commands with a backslash, and rows behind COPY … FROM stdin.

use crate::Refusal;
use crate::lex::{Kind, Lexer};

/// Refuses a script that has either, at its place. The grammar would only say that it does not parse.
pub(super) fn refuse_client_text(sql: &str) -> Result<(), Refusal> {
    // Both have one; most scripts have none.
    if !sql.contains('\\') {
        return Ok(());
    }
    let mut words: Vec<String> = Vec::new();
    for token in Lexer::new(sql, 0) {
        let text = &sql[token.start..token.end];
        if text == "\\" {
            let line = sql[token.start..].lines().next().unwrap_or_default().len();
            return Err(Refusal::new(sql, token.start..token.start + line, "commands of psql are not SQL")
                .hint("write SQL, or leave it out"));
        }
        match token.kind {
            Kind::Comment => {}
            Kind::Word => words.push(text.to_ascii_lowercase()),
            _ if text == ";" => {
                let copies = words.first().is_some_and(|word| word == "copy");
                if copies && words.windows(2).any(|pair| pair == ["from", "stdin"]) {
                    let rows = sql[token.end..].trim_start_matches([' ', '\t', '\r']);
                    if rows.starts_with('\n') && sql[token.end..].contains("\n\\.") {
                        let message = "the rows of COPY … FROM stdin are not SQL";
                        return Err(Refusal::new(sql, token.start..token.end, message)
                            .hint("write INSERT, or load them into a placement with psql"));
                    }
                }
                words.clear();
            }
            _ => {}
        }
    }
    Ok(())
}
