//! What an app is told when it is opened, and what it can ask.

use std::time::Duration;

use granary_grain::{Error, Permissions, ViewInfo};
use serde_json::{Value, json};

use crate::fixture::{Fixture, get, request};

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opens_it() {
    let fixture = Fixture::new();
    let id = fixture.create(&[]).await;
    let session = fixture.open(&id).await;
    assert_eq!(session.view.app_title, "Raw");
    let names: Vec<_> = session.view.permissions.iter().map(|permission| permission.name.as_str()).collect();
    assert_eq!(names, ["view", "edit", "admin"]);
    let roles: Vec<_> =
        session.view.roles.iter().map(|role| (role.title.as_str(), role.default, role.permissions.clone())).collect();
    assert_eq!(roles, [("editor", true, vec![true, true, false]), ("viewer", false, vec![true, false, false])]);
    assert_eq!(session.permissions, [true, true, true]);
    assert_eq!(
        parse(&get(&session, "whoami").await.unwrap()),
        json!({
            "displayName": "Ada Lovelace",
            "preferredHandle": "ada",
            "pictureUrl": "",
            "identityId": "07".repeat(32),
            "hasIdentity": false,
            "permissions": [true, true, true],
            "deprecatedPermissions": "07",
            "basePath": "https://ui-0.granary.localhost:6443",
            "userAgent": "TestAgent/1.0",
            "acceptableLanguages": ["de", "en;q=0.5"],
            "tabId": "09".repeat(16),
        })
    );
    let mut visitor = request();
    visitor.user.identity_id = None;
    visitor.user.permissions = Permissions::List(vec![true]);
    let session = fixture.grains.open_session(&id, visitor).await.unwrap();
    let told = parse(&get(&session, "whoami").await.unwrap());
    assert_eq!(told["permissions"], json!([true, false, false]));
    assert_eq!((&told["deprecatedPermissions"], &told["identityId"]), (&json!("01"), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_else_is_unimplemented() {
    let fixture = Fixture::new();
    let id = fixture.create(&[]).await;
    let Value::Object(answers) = parse(&fixture.get(&id, "api").await) else { panic!("an object") };
    assert_eq!(answers.len(), 32);
    for (method, answer) in answers {
        assert!(answer.as_str().unwrap().starts_with("unimplemented: "), "{method}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn apps_with_little_to_say() {
    let fixture = Fixture::with(|settings| settings.start_timeout = Duration::from_millis(600));
    for mode in ["empty", "unimplemented", "failed"] {
        let id = fixture.create(&["--view-info", mode]).await;
        let session = fixture.open(&id).await;
        assert_eq!(session.view, ViewInfo::default(), "{mode}");
        assert_eq!(get(&session, "counter").await.unwrap(), "0");
    }
    let id = fixture.create(&["--view-info", "hang"]).await;
    assert!(matches!(fixture.grains.open_session(&id, request()).await, Err(Error::Timeout(_))));
    let id = fixture.create(&["--session", "hang"]).await;
    assert!(matches!(fixture.grains.open_session(&id, request()).await, Err(Error::Timeout(_))));
    for mode in ["failed", "null"] {
        let id = fixture.create(&["--session", mode]).await;
        let error = fixture.grains.open_session(&id, request()).await.unwrap_err();
        assert!(matches!(&error, Error::App(text) if text.contains("no session")), "{mode}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_with_too_much_to_say() {
    let fixture = Fixture::new();
    let id = fixture.create(&["--view-info", "huge"]).await;
    let session = fixture.open(&id).await;
    assert_eq!(session.view.permissions.len(), 1000);
    assert_eq!(session.view.app_title.len(), 1000);
}
