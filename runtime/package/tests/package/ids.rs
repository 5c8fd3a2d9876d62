//! App ids, package ids, and keys that were replaced.

use granary_package::{AppId, Error, Options, PackageId, ParseIdError, Refusal, verify};
use proptest::prelude::*;

const APP: &str = "vjvekechd398fn1t1kn1dgdnmaekqq9jkjv3zsgzymc4z913ref0";
const SLOPPY: &str = "WQ95QMUTCKCOYFMECV0KY96CQXGPi56UP8SV8LYXVMERY5bQB7JH";
const CLEAN: &str = "wq95qmutckc0yfmecv0ky96cqxgp156up8sv81yxvmery58q87jh";

#[test]
fn known_app_ids() {
    let round_trip = APP.parse::<AppId>().expect("a good id").to_string();
    assert_eq!(round_trip, APP);
    let sloppy: AppId = SLOPPY.parse().expect("misread letters are understood");
    assert_eq!(sloppy.to_string(), CLEAN);
    let body = &CLEAN[..51];
    for (text, expected) in [
        (body.to_owned(), ParseIdError::Length { kind: "app id", expected: 52, found: 51 }),
        (format!("{CLEAN}h"), ParseIdError::Length { kind: "app id", expected: 52, found: 53 }),
        (String::new(), ParseIdError::Length { kind: "app id", expected: 52, found: 0 }),
        (format!("{body}z"), ParseIdError::Tail),
        (format!("{body}1"), ParseIdError::Tail),
        (CLEAN.replace('x', "!"), ParseIdError::Character { kind: "app id", character: '!' }),
        (CLEAN.replacen('w', "é", 1), ParseIdError::Character { kind: "app id", character: 'é' }),
    ] {
        assert_eq!(text.parse::<AppId>(), Err(expected), "{text}");
    }
}

proptest! {
    #[test]
    fn every_key_has_one_id(key: [u8; 32]) {
        let id = AppId::from_bytes(key);
        let text = id.to_string();
        prop_assert_eq!(text.len(), 52);
        prop_assert!(text.ends_with('0') || text.ends_with('h'));
        prop_assert_eq!(text.parse::<AppId>(), Ok(id));
        prop_assert_eq!(text.to_uppercase().parse::<AppId>(), Ok(id));
        let sloppy = text.replace('0', "o").replace('1', "l").replace('8', "b");
        prop_assert_eq!(sloppy.parse::<AppId>(), Ok(id));
    }

    #[test]
    fn whatever_parses_is_written_the_same(text in "[0-9a-zA-Z]{52}") {
        if let Ok(id) = text.parse::<AppId>() {
            let canonical = text.to_lowercase().replace('o', "0").replace(['i', 'l'], "1").replace('b', "8");
            prop_assert_eq!(id.to_string(), canonical);
        }
    }

    #[test]
    fn nothing_else_is_an_app_id(text in "\\PC{0,60}") {
        let _ = text.parse::<AppId>();
        let _ = text.parse::<PackageId>();
    }

    #[test]
    fn every_package_id_round_trips(bytes: [u8; 16]) {
        let id = PackageId::from_bytes(bytes);
        prop_assert_eq!(id.to_string(), hex::encode(bytes));
        prop_assert_eq!(id.to_string().parse::<PackageId>(), Ok(id));
    }
}

/// What the table says of a signer can be tried without anybody's secret key only through the library's own door.
#[test]
fn replaced_keys() {
    let rows = [
        (APP, CLEAN, Some("b5bb9d8014a0f9b1d61e21e796d78dcc")),
        (
            "vxe8awcxvtj6yu0vgjpm1tsaeu7x8v8tfp71tyvnm6ykkephu9q0",
            "n8cn71407n4mezn7mg0k5kkm21juuphhecc24hdf9kf56zyxm4ah",
            None,
        ),
        (
            "nfqhx83vvzm80edpgkpax8mhqp176qj2vwg67rgq5e3kjc5r4cyh",
            "a3w50h1435gsxczugm16q0amwkqm9f4crykzea53sv61pt7phk8h",
            Some("1450e0caa29b59ec938b3795bf17cb02 738f0e56a9ca462e77245e3f392686d7"),
        ),
        (
            "m86q05rdvj14yvn78ghaxynqz7u2svw6rnttptxx49g1785cdv1h",
            "6jz1aawur7kga7tdsj9kgpxx1yzh6xz1qmrpnqukcp1rekprd9f0",
            None,
        ),
        (
            "aax9j672p6z8n7nyupzvj2nmumeqd4upa0f7mgu8gprwmy53x04h",
            "zp00qqrha6gp8515ju84ys91syyq8ezv77g9s1r0t3urz92uzmqh",
            None,
        ),
    ];
    let other = PackageId::from_bytes([1; 16]);
    for (original, replacement, accepted) in rows {
        let (original, replacement): (AppId, AppId) = (original.parse().unwrap(), replacement.parse().unwrap());
        assert_eq!(granary_package::app_of_signer(replacement, other), Some(original));
        match accepted {
            None => assert_eq!(granary_package::app_of_signer(original, other), Some(original)),
            Some(packages) => {
                assert_eq!(granary_package::app_of_signer(original, other), None);
                for package in packages.split(' ') {
                    let package = package.parse().unwrap();
                    assert_eq!(granary_package::app_of_signer(original, package), Some(original));
                }
            }
        }
    }
    let unknown = AppId::from_bytes([9; 32]);
    assert_eq!(granary_package::app_of_signer(unknown, other), Some(unknown));
}

#[test]
fn an_unexpected_package_is_refused() {
    let package = crate::build::package(&[crate::build::manifest_entry()]);
    let found: PackageId = crate::build::package_id(&package).parse().unwrap();
    let expected = PackageId::from_bytes([3; 16]);
    let options = Options { expect: Some(expected), ..Options::default() };
    let error = verify(package.as_slice(), options).expect_err("another package");
    assert!(matches!(error, Error::Refused(Refusal::Unexpected { .. })), "{error}");
    assert!(error.to_string().contains(&found.to_string()), "{error}");
    let options = Options { expect: Some(found), ..Options::default() };
    assert_eq!(verify(package.as_slice(), options).expect("the package asked for").package_id, found);
}
