use super::*;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(PathBuf::from("conf/tenantry.toml"), text.to_owned())
}

fn refusal(text: &str) -> (String, Option<String>) {
    let error = parse(text).unwrap_err();
    (error.to_string(), error.hint())
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_the_closest_key() {
    let (message, hint) = refusal("[gateway]\nmax_client = 5\n");
    assert_eq!(
        message,
        "unknown key `max_client`\n --> conf/tenantry.toml:2:1\n  |\n2 | max_client = 5\n  | ^^^^^^^^^^"
    );
    assert_eq!(hint.as_deref(), Some("did you mean `max_clients`?"));
}

#[test]
fn an_unknown_word_is_refused_with_the_words_there_are() {
    let (message, hint) = refusal("[tenancy]\ntype = \"serial\"\n");
    assert!(message.starts_with("unknown value `serial`\n --> conf/tenantry.toml:2:8"), "{message}");
    assert_eq!(hint.as_deref(), Some("what can stand here: bigint, uuid, text"));
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    let config = parse("[catalog]\n# here\nurl = \"postgres://me:hunter2@db/x\"\n").unwrap();
    let error = config.catalog().unwrap_err();
    assert_eq!(error.to_string(), "a URL with a password in it, on line 3 of conf/tenantry.toml");
    assert!(!format!("{error:?}{:?}", error.hint()).contains("hunter2"));
}

#[test]
fn a_url_says_server_user_and_database() {
    let read = |url: &str| parse(&format!("[catalog]\nurl = \"{url}\"\n")).unwrap().catalog();
    let access = read("postgres://me@db1:6000/cat").unwrap();
    assert_eq!((access.host.as_str(), access.port), ("db1", 6000));
    assert_eq!((access.user.as_str(), access.maintenance_database.as_str()), ("me", "cat"));
    assert_eq!(read("postgres://me@db1/cat").unwrap().port, 5432);
    let socket = read("postgres://me@%2Frun%2Fpostgresql/cat").unwrap();
    assert_eq!(socket.host, "/run/postgresql");
    for bad in [
        "db1",
        "host=db1 user=me",
        "postgres://db1",
        "postgres://me@a,b/x",
        "postgres://me@a/x?sslmode=require",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_secret_comes_from_a_file_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), format!("{}\n", "0a".repeat(32))).unwrap();
    let text = "[secrets]\nmaster_key_file = \"key\"\n".to_owned();
    let config = Config::parse(folder.path().join("tenantry.toml"), text).unwrap();
    assert_eq!(config.master_key().unwrap().to_hex().expose(), "0a".repeat(32));
    assert_eq!(config.warnings().len(), 1, "the file is readable by everybody");
}

#[test]
fn two_places_for_one_secret_are_refused() {
    let config = parse("[secrets]\nmaster_key_file = \"a\"\nmaster_key_env = \"B\"\n").unwrap();
    let message = config.master_key().unwrap_err().to_string();
    assert_eq!(message, "[secrets] names both master_key_file and master_key_env");
}

#[test]
fn a_missing_cluster_is_suggested() {
    let config = parse("[clusters.main]\nurl = \"postgres://me@db1/x\"\n").unwrap();
    assert_eq!(config.cluster("mian").unwrap_err().hint().as_deref(), Some("did you mean \"main\"?"));
    assert!(config.cluster("main").is_ok());
}

#[test]
fn the_declaration_reaches_the_schema_engine_whole() {
    let text = "[tenancy]\ncolumn = \"org\"\ntype = \"uuid\"\nkeys = \"global-id\"\ndefault = \"refuse\"\n\
                [tables]\na = \"global\"\nb = { kind = \"tenant\", via = \"a.id\", partition = { by = \"hash\", count = 4 } }\n\
                [unique]\n\"b.c\" = \"global\"\n\
                [[ignore]]\nrule = \"index\"\nplace = \"b*\"\nreason = \"small\"\n";
    let direct: tenantry_schema::Declaration = toml::from_str(text).unwrap();
    assert_eq!(parse(text).unwrap().declaration(), direct);
    assert_eq!(parse("").unwrap().declaration(), tenantry_schema::Declaration::default());
}

#[test]
fn the_gateway_defaults_are_the_gateways_own() {
    let ours = parse("").unwrap().gateway().unwrap();
    let theirs = tenantry_gateway::Config { workers: ours.workers, ..tenantry_gateway::Config::default() };
    assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
}

#[test]
fn an_address_that_is_none_is_refused_with_its_place() {
    let error = parse("[gateway]\nlisten = [\"localhost\"]\n").unwrap().gateway().unwrap_err();
    assert!(error.to_string().contains("2 | listen = [\"localhost\"]"), "{error}");
}
