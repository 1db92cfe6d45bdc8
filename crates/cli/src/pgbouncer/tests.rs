use super::*;
use std::fs;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pgbouncer/pgbouncer.ini");

fn import(files: &[(&str, &str)]) -> Import {
    let folder = tempfile::TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    read(&folder.path().join(files[0].0)).unwrap()
}

#[test]
fn the_packages_own_example_is_understood_line_by_line() {
    let import = read(Path::new(EXAMPLE)).unwrap();
    // The file of users that it names may be on this machine or not.
    let own = import.lines.iter().filter(|line| line.file == EXAMPLE);
    assert_eq!(own.count(), 7, "{:?}", import.lines);
    assert!(import.lines.iter().all(|line| line.why != "not known to this version"));
    let toml: toml::Table = import.configuration.parse().unwrap();
    assert_eq!(toml["gateway"]["listen"][0].as_str(), Some("localhost:6432"));
}

/// Also what is commented out in it, which is everything that PgBouncer has.
#[test]
fn every_setting_of_the_example_is_known() {
    let text = fs::read_to_string(EXAMPLE).unwrap();
    let settings = text[text.find("[pgbouncer]").unwrap()..].lines().filter_map(|line| {
        let line = line.strip_prefix(';').unwrap_or(line).trim_start_matches(' ');
        let (key, _) = line.split_once(" = ").or_else(|| line.split_once(" ="))?;
        key.chars().all(|c| c.is_ascii_lowercase() || c == '_').then(|| line.to_owned())
    });
    let settings: Vec<String> = settings.collect();
    assert!(settings.len() > 80, "{settings:?}");
    let import = import(&[("p.ini", &format!("[pgbouncer]\n{}\n", settings.join("\n")))]);
    for line in import.lines {
        assert_ne!(line.why, "not known to this version", "{}", line.text);
    }
}

#[test]
fn databases_users_and_included_files_become_a_configuration_and_commands() {
    let import = import(&[
        (
            "p.ini",
            "[databases]\nshop = host=db1 dbname=shop_prod user=baz password='it''s secret' pool_size=30\n\
             Other = host=db1\nfar = host=db2 port=5433\n* = host=db3\n\
             [users]\nbob = pool_mode=session\n[pgbouncer]\n%include more.ini\nmax_client_conn = 500\n",
        ),
        (
            "more.ini",
            "listen_addr = *\nlisten_port = 7000\nauth_file = users.txt\nadmin_users = ann, root\nquery_timeout = 2.5\nfrobnicate = 1\n",
        ),
        (
            "users.txt",
            "\"ann\" \"hunter2\"\n\"bob\" \"md50123456789abcdef0123456789abcdef\"\n\"a b\" \"SCRAM-SHA-256$4096:x$y:z\"\n",
        ),
    ]);
    let toml: toml::Table = import.configuration.parse().unwrap();
    assert_eq!(toml["clusters"]["main"]["max_connections"].as_integer(), Some(30));
    assert_eq!(toml["clusters"]["cluster2"]["url"].as_str(), Some("postgres://postgres@db2:5433/postgres"));
    assert_eq!(toml["gateway"]["max_clients"].as_integer(), Some(500));
    assert_eq!(toml["gateway"]["listen"].as_array().unwrap().len(), 2);
    assert_eq!(toml["plans"]["imported"]["statement_timeout_ms"].as_integer(), Some(2_500));
    assert_eq!(
        import.commands,
        [
            "tenantry cluster add main",
            "tenantry cluster add cluster2",
            "tenantry tenant create shop --model database --cluster main",
            "tenantry tenant create far --model database --cluster cluster2",
            "tenantry login create ann --all-tenants --admin",
            "tenantry login create bob --all-tenants --pool-mode session",
            "tenantry login create 'a b' --all-tenants",
            "tenantry login create root --admin",
            "tenantry serve",
        ]
    );
    let lost: Vec<&str> = import
        .lines
        .iter()
        .filter(|line| line.verdict == Verdict::Lost)
        .map(|line| line.text.as_str())
        .collect();
    assert_eq!(lost, ["frobnicate = 1", "Other = host=db1", "* = host=db3", "\"bob\" …"]);
    let said = serde_json::to_string(&import).unwrap();
    assert!(!said.contains("s secret") && !said.contains("hunter2") && !said.contains("abcdef"), "{said}");
    // And the configuration is one that this program reads.
    crate::config::Config::parse("tenantry.toml".into(), import.configuration).unwrap();
}

#[test]
fn files_that_include_themselves_end() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("p.ini");
    fs::write(&path, "%include p.ini\n".repeat(100)).unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("include each other"));
}

mod fuzz {
    use super::*;
    use proptest::prelude::*;

    /// Lines as they may be, and as they may not.
    fn line() -> impl Strategy<Value = String> {
        let key = prop_oneof![
            Just("listen_addr".to_owned()),
            Just("auth_file".to_owned()),
            Just("pool_mode".to_owned()),
            Just("max_client_conn".to_owned()),
            Just("client_tls_key_file".to_owned()),
            Just("server_tls_sslmode".to_owned()),
            Just("query_timeout".to_owned()),
            Just("*".to_owned()),
            "[a-z_]{1,12}",
            "\\PC{1,8}",
        ];
        let value = prop_oneof![
            "[0-9]{1,12}(\\.[0-9])?",
            "host=[a-z',. /]{0,9} port=[0-9]{0,6} dbname='?[a-z ']{0,9} pool_size=[0-9]{0,9}",
            Just("users.txt".to_owned()),
            "\\PC{0,24}",
        ];
        prop_oneof![
            6 => (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
            1 => Just("[databases]".to_owned()),
            1 => Just("[users]".to_owned()),
            1 => Just("[pgbouncer]".to_owned()),
            1 => "\\[[a-z]{0,6}\\]?",
            1 => Just("; a comment".to_owned()),
            1 => Just("%include users.txt".to_owned()),
        ]
    }

    fn user() -> impl Strategy<Value = String> {
        prop_oneof!["\"[a-z\" ]{0,8}\" \"(md5|SCRAM-SHA-256\\$)?[a-z0-9$:=\"]{0,20}\"", "\\PC{0,20}"]
    }

    proptest! {
        /// Whatever stands in the files, what comes of them is a configuration that can be read, and no password.
        #[test]
        fn any_files_are_read_or_refused(
            lines in prop::collection::vec(line(), 0..12), users in prop::collection::vec(user(), 0..5),
        ) {
            let folder = tempfile::TempDir::new().unwrap();
            let path = folder.path().join("p.ini");
            let secret = "[databases]\nsecret = host=h password=hidden-word\n[pgbouncer]\n";
            fs::write(&path, format!("{secret}{}", lines.join("\n"))).unwrap();
            fs::write(folder.path().join("users.txt"), users.join("\n")).unwrap();
            if let Ok(import) = read(&path) {
                let configuration: Result<toml::Table, _> = import.configuration.parse();
                prop_assert!(configuration.is_ok(), "{}", import.configuration);
                let shown = serde_json::to_string(&import).unwrap();
                prop_assert!(!shown.contains("hidden-word"), "{shown}");
                // One line each, which a shell reads as one command.
                prop_assert!(import.commands.iter().all(|command| !command.contains('\n')), "{:?}", import.commands);
            }
        }
    }
}
