//! What fuzz targets reach of the parsers in here: any bytes in, a panic where a promise is broken. Compiled with the feature
//! `fuzzing` alone; nothing else is for anybody outside.

use crate::admin;
use crate::backend;
use crate::lex;
use crate::rewriting;
use crate::session;
use crate::settings::Settings;
use crate::slow::fingerprint;

/// A statement of a client's, as the lexer looks at it.
pub fn statement_text(text: &[u8]) {
    drop(lex::tenant_statement(text));
    let _seen = (lex::may_set(text), lex::names_tenant(text), lex::may_change_session(text));
    for name in lex::dotted_names(text) {
        assert!(name.contains('.') && name.len() <= text.len());
        assert!(!Settings::is_followed(&name), "what a server reports has no dot");
        let _may = Settings::may_follow(&name);
    }
    if let Some(statements) = lex::cleanup(text) {
        assert!(!statements.is_empty() && text.trim_ascii().len() <= 256, "a long text is no clean-up");
        session::fuzzing::cleanup_of(text);
    }
    assert!(
        !lex::copies_out(text) || memchr::memchr2(b'\\', b'$', text).is_none(),
        "there is no telling what is a string"
    );
    let (normalised, id) = fingerprint(text);
    assert!(normalised.len() <= 2_048 && id.len() == 16, "{} bytes", normalised.len());
}

/// What a server answers, where the gateway reads it: an entry into a tenant, and what a session left behind.
pub fn server_replies(bytes: &[u8]) {
    backend::fuzzing::entry(bytes);
    session::fuzzing::replies(bytes);
}

/// A command of the console's.
pub fn console_command(text: &[u8]) {
    admin::fuzzing::command(&String::from_utf8_lossy(text));
}

/// A text and what became of it, in one: the places of errors are those of the text, and an error stays an error.
pub fn rewritten(bytes: &[u8]) {
    rewriting::fuzzing::rewritten(bytes);
}
