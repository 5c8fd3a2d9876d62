//! Reads the dates that servers put into cookies, in whatever form.

/// Seconds since 1970 of a date in a `Set-Cookie` header, by the algorithm of RFC 6265, section 5.1.1. It reads all forms
/// that are in use (`Wdy, DD Mon YYYY HH:MM:SS GMT`, the same with dashes, with two-digit years, and C's `asctime`).
pub fn parse_cookie_date(text: &str) -> Option<i64> {
    let mut time = None;
    let mut day = None;
    let mut month = None;
    let mut year = None;
    // Everything that is not a digit, a letter or a colon separates.
    for token in text.split(|c: char| !c.is_ascii_alphanumeric() && c != ':') {
        if token.is_empty() {
            continue;
        }
        if time.is_none()
            && let Some(found) = parse_time(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = leading_number(token, 1, 2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = parse_month(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = leading_number(token, 2, 4)
        {
            year = Some(match found {
                70..=99 => found + 1900,
                0..=69 => found + 2000,
                _ => found,
            });
        }
    }
    let ((hour, minute, second), day, month, year) = (time?, day?, month?, year?);
    if year < 1601 || hour > 23 || minute > 59 || second > 59 || day == 0 || day > days_in(year, month) {
        return None;
    }
    let days = days_since_epoch(i64::from(year), i64::from(month), i64::from(day));
    Some(days * 86_400 + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second))
}

/// The number at the front of a token, if it has between `min` and `max` digits and no digit follows.
fn leading_number(token: &str, min: usize, max: usize) -> Option<u32> {
    let digits = token.bytes().take_while(u8::is_ascii_digit).count();
    if digits < min || digits > max { None } else { token[..digits].parse().ok() }
}

fn parse_time(token: &str) -> Option<(u32, u32, u32)> {
    let mut fields = token.splitn(3, ':');
    let hour = fields.next()?;
    let minute = fields.next()?;
    let second = fields.next()?;
    let whole =
        |field: &str| (field.bytes().all(|b| b.is_ascii_digit())).then(|| leading_number(field, 1, 2)).flatten();
    Some((whole(hour)?, whole(minute)?, leading_number(second, 1, 2)?))
}

fn parse_month(token: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let start = token.get(..3)?;
    MONTHS.iter().position(|month| start.eq_ignore_ascii_case(month)).and_then(|i| u32::try_from(i + 1).ok())
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar (Howard Hinnant's `days_from_civil`).
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// A moment in the form of e-mail and HTTP, in UTC.
pub(crate) fn civil_date(seconds: i64) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    let (year, month, day, hour, minute, second, weekday) = civil(seconds);
    format!("{}, {day:02} {} {year} {hour:02}:{minute:02}:{second:02} +0000", DAYS[weekday], MONTHS[month - 1])
}

/// The calendar date and time of day of a moment: year, month, day, hour, minute, second, weekday (0 is Sunday).
fn civil(seconds: i64) -> (i64, usize, i64, i64, i64, i64, usize) {
    let days = seconds.div_euclid(86_400);
    let of_day = seconds.rem_euclid(86_400);
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let weekday = (days + 4).rem_euclid(7);
    (
        year,
        usize::try_from(month).unwrap_or(1),
        day,
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60,
        usize::try_from(weekday).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_in_use_is_read() {
        let cases = [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
            ("Sun, 06-Nov-1994 08:49:37 GMT", Some(784_111_777)),
            ("Sun, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
            ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
            ("Sun Nov 6 08:49:37 1994 GMT", Some(784_111_777)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Wed, 31 Dec 1969 23:59:59 GMT", Some(-1)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
            ("Thu, 29 Feb 2024 12:00:00 GMT", Some(1_709_208_000)),
            ("Wed, 29 Feb 2023 12:00:00 GMT", None),
            ("Sun, 06 Nov 1994 24:00:00 GMT", None),
            ("Sun, 06 Nov 1500 08:00:00 GMT", None),
            ("Sun, 00 Nov 1994 08:00:00 GMT", None),
            ("06 Nov 1994", None),
            ("0", None),
            ("", None),
            ("\u{fffd}\u{1f600} é: ::", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_cookie_date(text), expected, "{text}");
        }
    }

    #[test]
    fn dates_survive_the_way_there_and_back() {
        for seconds in (-80_000_000_000..80_000_000_000_i64).step_by(987_654_321) {
            let (year, month, day, hour, minute, second, _) = civil(seconds);
            let days = days_since_epoch(year, i64::try_from(month).unwrap(), day);
            assert_eq!(days * 86_400 + hour * 3600 + minute * 60 + second, seconds);
        }
        assert_eq!(civil(784_111_777), (1994, 11, 6, 8, 49, 37, 0));
    }
}
