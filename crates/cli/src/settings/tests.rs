use super::*;
use rustix::fs::Mode;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const PROFILES: &str = "\
[default]
project = \"from-default\"

[work]
address = \"http://profile:1\"
token_file = \"profile.token\"
project = \"from-profile\"
environment = \"from-profile\"
stage = \"draft\"
output = \"json\"
";

/// A home with profiles and tokens in it.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("waxseal");
    fs::create_dir(&dir).unwrap();
    for (name, text) in
        [("profiles.toml", PROFILES), ("profile.token", "wxs_profile"), ("flag.token", "wxs_flag")]
    {
        let path = dir.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    home
}

fn surroundings(home: &Path, vars: &[(&str, &str)]) -> Surroundings {
    let vars = vars.iter().map(|(name, content)| (name.into(), content.into()));
    let home = [("XDG_CONFIG_HOME".into(), home.into())];
    Surroundings::of(vars.chain(home).collect::<Vec<_>>(), Mode::empty())
}

#[test]
fn options_win_over_variables_and_variables_over_the_profile() {
    let home = home();
    let vars = [
        ("WAXSEAL_PROFILE", "work"),
        ("WAXSEAL_TOKEN", "wxs_variable"),
        ("WAXSEAL_PROJECT", "from-variable"),
        ("WAXSEAL_STAGE", "live"),
    ];
    let settings = Settings::gather(Flags::default(), &surroundings(home.path(), &vars)).unwrap();
    assert_eq!(settings.address.uri(), "http://profile:1");
    assert_eq!(settings.token.as_ref().unwrap().as_str(), "wxs_variable");
    assert_eq!(settings.project.as_deref(), Some("from-variable"));
    assert_eq!(settings.environment.as_deref(), Some("from-profile"));
    assert_eq!(settings.stage, Some(Stage::Live));
    assert_eq!(settings.format, Format::Json);

    let flags = Flags {
        address: Some("unix:/s".to_owned()),
        token_file: Some(home.path().join("waxseal/flag.token")),
        output: Some(Format::Table),
        project: Some("from-flag".to_owned()),
        stage: Some(StageName::Draft),
        ..Flags::default()
    };
    let settings = Settings::gather(flags, &surroundings(home.path(), &vars)).unwrap();
    assert_eq!(settings.address.uri(), "unix:///s");
    assert_eq!(settings.token.as_ref().unwrap().as_str(), "wxs_flag");
    assert_eq!(settings.project.as_deref(), Some("from-flag"));
    assert_eq!(settings.stage, Some(Stage::Draft));
    assert_eq!(settings.format, Format::Table);
}

#[test]
fn without_a_name_the_profile_called_default_is_taken() {
    let home = home();
    let vars = [("WAXSEAL_TOKEN", "wxs_variable")];
    let settings = Settings::gather(Flags::default(), &surroundings(home.path(), &vars)).unwrap();
    assert_eq!(settings.project.as_deref(), Some("from-default"));
    assert_eq!(settings.address, Address::default());

    let flags = Flags { profile: Some("gone".to_owned()), ..Flags::default() };
    let refused = Settings::gather(flags, &surroundings(home.path(), &vars)).map(drop).unwrap_err();
    assert!(refused.to_string().ends_with("it has default, work"), "{refused}");
}

#[test]
fn without_profiles_there_are_defaults_and_without_a_token_nothing() {
    let home = tempfile::tempdir().unwrap();
    let refused = Settings::gather(Flags::default(), &surroundings(home.path(), &[]));
    assert!(matches!(refused.map(drop), Err(Error::NoToken)));
    let vars = [("WAXSEAL_TOKEN", "wxs_variable"), ("WAXSEAL_STAGE", "beta")];
    let refused = Settings::gather(Flags::default(), &surroundings(home.path(), &vars));
    assert!(matches!(refused.map(drop), Err(Error::Variable { name: "WAXSEAL_STAGE", .. })));
}
