//! Tables of what settings come to.

use std::num::{NonZeroU32, NonZeroU64};

use clap::CommandFactory as _;

use super::*;

fn layered(args: &ServeArgs, text: &str) -> Result<Settings, String> {
    let file = SettingsFile::parse("rehearsal.yaml", text).map_err(|bad| bad.0)?;
    Settings::layered(args, file).map_err(|bad| bad.0)
}

fn parsed(text: &str) -> Result<Settings, String> {
    layered(&ServeArgs::default(), text)
}

/// The settings of a command line.
fn flags(line: &str) -> Result<Settings, String> {
    let words = ["rehearsal", "serve"].into_iter().chain(line.split_whitespace());
    let Verb::Serve(args) = Cli::try_parse_from(words).map_err(|error| error.to_string())?.verb else {
        return Err("no serve".to_owned());
    };
    layered(&args, "")
}

#[test]
fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
    let flag = ServeArgs { listen: Some("127.0.0.1:2".into()), ..ServeArgs::default() };
    assert_eq!(layered(&flag, "listen: 127.0.0.1:1").unwrap().listen, "127.0.0.1:2");
    assert_eq!(parsed("listen: 127.0.0.1:1").unwrap().listen, "127.0.0.1:1");
    let default = parsed("").unwrap();
    assert_eq!((default.listen.as_str(), default.data), ("127.0.0.1:7070", Some("rehearsal-data".into())));
}

#[test]
fn what_is_of_no_use_in_the_file_is_shown_with_its_place() {
    for (text, place, says) in [
        ("auth: relaxd", "1:7", "did you mean `relaxed`?"),
        ("tls: true\nauth: relax", "2:7", "use `strict` or `relaxed`"),
        ("only: marketplac", "1:7", "did you mean `marketplace`?"),
        ("access: kees", "1:9", "did you mean `keys`?"),
        ("seed: abc", "1:7", "a seed is a number"),
        ("sead: 4", "1:1", "sead"),
        ("listen: foo", "1:9", "`foo` is no HOST:PORT"),
        ("cacheMib: 0", "1:11", "needs some memory"),
        ("webhook: ftp://isv.example/", "1:10", "http:// or https://"),
        ("webhook: http://169.254.169.254/", "1:10", "must not reach"),
        ("adminKeyFile: /nowhere/key", "1:15", "/nowhere/key can't be read"),
        ("databaseUrlFile: /nowhere/url", "1:18", "/nowhere/url can't be read"),
        ("databaseUrl: postgres://db/x\ndatabaseCa: /nowhere/ca", "2:13", "can't be read"),
        ("actAs: contoso", "1:8", "auth: relaxed"),
        ("access: open\nadminKey: an admin key that is long", "1:9", "leave one of them out"),
    ] {
        let said = parsed(text).unwrap_err();
        assert!(said.contains(&format!("rehearsal.yaml:{place}\n")) && said.contains(says), "{text}: {said}");
    }
    assert!(parsed("quotas: { document: 7 }").unwrap_err().contains("documents"));
}

#[test]
fn flags_that_can_have_no_effect_are_refused_with_what_to_do() {
    for (line, says) in [
        ("--only publisher", "--marketplace URL --authority URL"),
        ("--only publisher --marketplace http://m.example", "--authority URL"),
        ("--public-url http://a.example/#x", "leave the part after"),
        ("--public-url http://a.example/?x=y", "leave the part after"),
        ("--landing-page http://a.example/#x", "'#'"),
        ("--landing-page ftp://a.example/", "http:// or https://"),
        ("--marketplace file:///x", "http:// or https://"),
        ("--webhook mailto:a@b.example", "http:// or https://"),
        ("--webhook http://[fe80::1]/", "must not reach"),
        ("--act-as contoso", "--auth relaxed"),
        ("--database-ca x", "there is no database"),
        ("--ephemeral --database-ca x", "there is no database"),
        ("--ephemeral --data x", "leave one of them out"),
        ("--database-url postgres://db/x --data y", "leave one of them out"),
        ("--ephemeral --database-url postgres://db/x", "a database to keep it in"),
        ("--cache-mib 0", "1 or more"),
        ("--quota documents=5,documents=6", "documents is given twice"),
        ("--admin-key an-admin-key-that-is-long --access open", "leave one of them out"),
        ("--listen foo", "--listen 127.0.0.1:7070"),
        ("--listen :7070", "HOST:PORT"),
        ("--listen 127.0.0.1:99999", "HOST:PORT"),
    ] {
        let said = flags(line).unwrap_err();
        assert!(said.starts_with("error: ") && said.contains("\n  fix: ") && said.contains(says), "{line}: {said}");
    }
    // The certificates of HTTPS are in the folder.
    assert!(flags("--database-url postgres://db/x --data y --tls").is_ok());
}

#[test]
fn whoever_gives_a_key_wants_it_to_be_asked_for() {
    for (line, asks) in [
        ("", None),
        ("--access keys", Some(true)),
        ("--access open", Some(false)),
        ("--admin-key an-admin-key-that-is-long", Some(true)),
        ("--admin-key an-admin-key-that-is-long --access keys", Some(true)),
    ] {
        assert_eq!(flags(line).unwrap().asks_for_keys, asks, "{line}");
    }
}

#[test]
fn a_quota_of_a_flag_goes_before_that_of_the_file() {
    let of = |text: &str, args: &ServeArgs| {
        let quotas = layered(args, text).unwrap().quotas;
        (quotas.documents.map(NonZeroU64::get), quotas.requests_per_second.map(NonZeroU32::get))
    };
    let text = "quotas: { documents: 7, requestsPerSecond: 8 }";
    assert_eq!(of(text, &ServeArgs::default()), (Some(7), Some(8)));
    let args = ServeArgs { quota: vec!["documents=9".parse().unwrap()], ..ServeArgs::default() };
    assert_eq!(of(text, &args), (Some(9), Some(8)));
}

#[test]
fn a_database_is_named_once() {
    let text = "databaseUrl: postgres://file/x";
    let named = |url: &str| DatabaseArgs { database_url: Some(url.to_owned()), ..DatabaseArgs::default() };
    let flag = ServeArgs { database: named("postgres://flag/x"), ..ServeArgs::default() };
    let database = |args: &ServeArgs| layered(args, text).unwrap().database;
    assert_eq!(database(&flag), Some(DatabaseUrl::new("postgres://flag/x")));
    assert_eq!(database(&ServeArgs::default()), Some(DatabaseUrl::new("postgres://file/x")));
    let both = parsed("databaseUrl: postgres://db/x\ndatabaseUrlFile: /nowhere").unwrap_err();
    assert!(both.contains("leave one of them out"), "{both}");
}

#[test]
fn other_verbs_know_of_the_server_what_its_settings_say() {
    let here = |text: &str| Surroundings {
        variables: ServeArgs::default(),
        file: SettingsFile::parse("rehearsal.yaml", text).unwrap(),
    };
    for (text, url) in [
        ("", "http://127.0.0.1:7070/"),
        ("listen: 127.0.0.1:9090\ntls: true", "https://127.0.0.1:9090/"),
        ("listen: 0.0.0.0:80", "http://127.0.0.1/"),
        ("listen: '[::]:7071'", "http://[::1]:7071/"),
    ] {
        assert_eq!(here(text).url().unwrap().as_str(), url, "{text}");
    }
    assert!(here("listen: 127.0.0.1:0").url().unwrap_err().0.contains("--url"));
    assert_eq!(here("data: x").data(), PathBuf::from("x"));
    let none = DatabaseArgs::default();
    let in_database = (Some(DatabaseUrl::new("postgres://file/x")), PathBuf::from("rehearsal-data"));
    assert_eq!(here("databaseUrl: postgres://file/x").store(None, &none).unwrap(), in_database);
    let in_folder = (None, PathBuf::from("y"));
    assert_eq!(here("databaseUrl: postgres://file/x").store(Some("y".into()), &none).unwrap(), in_folder);
    let flag = DatabaseArgs { database_url: Some("postgres://flag/x".into()), ..none };
    assert!(here("").store(Some("y".into()), &flag).unwrap_err().0.contains("leave one of them out"));
}

/// The keys of the settings file, as its reader knows them.
fn keys() -> Vec<&'static str> {
    let error = serde_saphyr::from_str::<Keys>("none: 1").unwrap_err();
    match error.without_snippet() {
        serde_saphyr::Error::SerdeUnknownField { expected, .. } => expected.clone(),
        other => panic!("{other:?}"),
    }
}

fn camel_case(flag: &str) -> String {
    let mut parts = flag.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |key, part| key + &part[..1].to_uppercase() + &part[1..])
}

#[test]
#[expect(clippy::disallowed_methods, reason = "tests take this one switch from the environment")]
fn the_table_of_settings_is_that_of_the_command_line() {
    let command = Cli::command();
    let serve = command.find_subcommand("serve").unwrap();
    let mut table = String::from("\n| flag of `serve` | variable | key | |\n| --- | --- | --- | --- |\n");
    let mut known = keys();
    for arg in
        serve.get_arguments().filter(|arg| arg.get_long().is_some_and(|long| long != "help" && long != "version"))
    {
        let flag = arg.get_long().unwrap();
        // What may be given several times is a list in the file.
        let key = camel_case(match flag {
            "quota" => "quotas",
            "allow-host" => "allow-hosts",
            flag => flag,
        });
        let in_file = known.iter().position(|known| *known == key).map(|at| known.remove(at));
        let dash = || "–".to_owned();
        let code = |text: String| format!("`{text}`");
        let variable = arg.get_env().and_then(|name| name.to_str()).map_or_else(dash, |name| code(name.to_owned()));
        let key = in_file.map_or_else(dash, |key| code(key.to_owned()));
        let about = arg.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
        table.push_str(&format!("| `--{flag}` | {variable} | {key} | {about} |\n"));
    }
    assert!(known.is_empty(), "keys without a flag: {known:?}");
    table.push('\n');
    let path = Path::new("docs/settings.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once("<!-- settings: begin -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- settings: end -->").unwrap();
    let wanted = format!("{before}<!-- settings: begin -->\n{table}<!-- settings: end -->{after}");
    if std::env::var("UPDATE_GOLDEN").is_ok_and(|wanted| wanted == "1") {
        std::fs::write(path, &wanted).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap();
    assert!(page == wanted, "docs/settings.md is not up to date; UPDATE_GOLDEN=1 writes its table");
}
