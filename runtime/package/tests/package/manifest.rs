//! Manifests and bridge configurations: what is written is read again, and what is unusable is refused.

use granary_package::{
    Action, ActionInput, Author, BridgeConfig, Bytes, Category, Command, Icon, Icons, License, Localization,
    LocalizedText, Manifest, Metadata, PermissionDef, RoleDef, ViewInfo,
};

fn text(default: &str, german: &str) -> LocalizedText {
    let localizations = vec![Localization { locale: "de".to_owned(), text: german.to_owned() }];
    LocalizedText { default_text: default.to_owned(), localizations }
}

fn everything() -> Manifest {
    let command = |program: &str| Command {
        argv: vec![program.to_owned(), "--port".to_owned(), "8000".to_owned()],
        environ: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned()), ("EMPTY".to_owned(), String::new())],
    };
    Manifest {
        app_title: text("Notebook", "Notizbuch"),
        app_version: 42,
        min_upgradable_app_version: 7,
        app_marketing_version: LocalizedText::new("4.2"),
        min_api_version: 0,
        max_api_version: 1,
        metadata: Metadata {
            icons: Icons {
                app_grid: Some(Icon::Svg { text: "<svg/>".to_owned() }),
                grain: Some(Icon::Png { dpi1x: Some(Bytes(vec![1, 2])), dpi2x: Some(Bytes(vec![3; 2000])) }),
                market: None,
                market_big: Some(Icon::Png { dpi1x: None, dpi2x: Some(Bytes(vec![4])) }),
            },
            website: Some("https://example.com".to_owned()),
            code_url: Some("http://example.com/source".to_owned()),
            license: License::OpenSource { id: Some("Apache-2.0".to_owned()) },
            license_notices: LocalizedText::new("notices"),
            categories: vec![Category::Office, Category::DeveloperTools, Category::Graphics],
            author: Author {
                upstream_author: Some("Somebody".to_owned()),
                contact_email: Some("somebody@example.com".to_owned()),
                pgp_signature: Some(Bytes(vec![5; 100])),
                pgp_keyring: Some(Bytes(vec![6; 100])),
            },
            short_description: text("Notes", "Notizen"),
            description: LocalizedText::new("# Notes"),
            change_log: LocalizedText::new("* first"),
            screenshots: 0,
        },
        actions: vec![
            Action {
                input: ActionInput::None,
                command: command("/new"),
                title: text("New notebook", "Neues Notizbuch"),
                noun_phrase: LocalizedText::new("notebook"),
                description: LocalizedText::new("Begins empty"),
            },
            Action { input: ActionInput::Capability, ..Action::default() },
        ],
        continue_command: command("/continue"),
    }
}

#[test]
fn a_manifest_survives_writing_and_reading() {
    let mut manifest = everything();
    assert_eq!(Manifest::from_bytes(&manifest.to_bytes()).as_ref(), Ok(&manifest));
    let licenses = [
        License::None,
        License::OpenSource { id: None },
        License::OpenSource { id: Some("Zlib".to_owned()) },
        License::Proprietary { text: LocalizedText::new("all rights reserved") },
        License::PublicDomain { text: LocalizedText::new("do as you like") },
    ];
    for license in licenses {
        manifest.metadata.license = license;
        assert_eq!(Manifest::from_bytes(&manifest.to_bytes()).as_ref(), Ok(&manifest));
    }
}

#[test]
fn a_manifest_survives_json() {
    let manifest = everything();
    let json = serde_json::to_string(&manifest).expect("JSON");
    assert_eq!(serde_json::from_str::<Manifest>(&json).expect("a manifest"), manifest);
    assert!(json.contains(r#""appTitle":{"defaultText":"Notebook""#), "{json}");
}

#[test]
fn texts_are_found_by_language() {
    let localizations = [("de", "Buch"), ("pt-BR", "livro")]
        .map(|(locale, text)| Localization { locale: locale.to_owned(), text: text.to_owned() });
    let text = LocalizedText { default_text: "book".to_owned(), localizations: localizations.to_vec() };
    for (languages, expected) in [
        (&[][..], "book"),
        (&["fr"], "book"),
        (&["de"], "Buch"),
        (&["de-AT", "pt"], "Buch"),
        (&["fr", "PT_br"], "livro"),
        (&["pt"], "livro"),
    ] {
        assert_eq!(text.get(languages), expected, "{languages:?}");
    }
}

#[test]
fn unusable_commands_are_refused() {
    let with = |argv: &str, key: &str| {
        let continue_command =
            Command { argv: vec![argv.to_owned()], environ: vec![(key.to_owned(), "value".to_owned())] };
        Manifest::from_bytes(&Manifest { continue_command, ..Manifest::default() }.to_bytes())
    };
    assert!(with("/run", "KEY").is_ok());
    for (argv, key) in [("/r\0un", "KEY"), ("/run", "K=Y"), ("/run", ""), ("/run", "K\0Y")] {
        let refusal = with(argv, key).expect_err("no program can be started like this");
        assert_eq!(refusal.code(), "package-manifest", "{refusal}");
    }
}

#[test]
fn pictures_that_are_too_large_are_left_out() {
    let icon = |length: usize| Some(Icon::Svg { text: "x".repeat(length) });
    let icons = Icons { app_grid: icon((1 << 20) + 1), grain: icon(1 << 20), ..Icons::default() };
    let manifest = Manifest { metadata: Metadata { icons, ..Metadata::default() }, ..Manifest::default() };
    let read = Manifest::from_bytes(&manifest.to_bytes()).expect("a manifest");
    assert_eq!((read.metadata.icons.app_grid.is_some(), read.metadata.icons.grain.is_some()), (false, true));
}

#[test]
fn a_bridge_configuration_survives_writing_and_reading() {
    let config = BridgeConfig {
        view_info: ViewInfo {
            permissions: vec![
                PermissionDef { name: "view".to_owned(), title: text("view", "lesen"), ..PermissionDef::default() },
                PermissionDef { name: "old".to_owned(), obsolete: true, ..PermissionDef::default() },
            ],
            roles: vec![RoleDef {
                title: LocalizedText::new("editor"),
                verb_phrase: LocalizedText::new("can edit"),
                permissions: vec![true, false],
                default: true,
                ..RoleDef::default()
            }],
        },
        api_path: Some("/api/".to_owned()),
        save_identity_caps: true,
        expect_app_hooks: false,
        powerbox_apis: Vec::new(),
    };
    assert_eq!(BridgeConfig::from_bytes(&config.to_bytes()).as_ref(), Ok(&config));
}
