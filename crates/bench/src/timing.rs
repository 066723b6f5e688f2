//! Whether the time that a refused token takes tells what was wrong with it, as `dudect` asks:
//! tokens of two classes in random order, and Welch's t between their times, over all of them and
//! without the longest, at many percentiles.
//!
//! What is measured is the engine in this process, on SQLite: a network would only hide more.

use crate::{Fault, report};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use waxseal_domain::caller::{Role, ScopeName};
use waxseal_domain::name::PrincipalId;
use waxseal_domain::time::Clock as _;
use waxseal_engine::{Engine, Error, NewToken, SystemClock};
use waxseal_server::config::Config;
use waxseal_server::wiring;

/// From here on, two classes are told apart.
const THRESHOLD: f64 = 4.5;
/// How often times are cropped.
const CROPS: u32 = 100;
/// Samples that only warm up.
const WARM_UP: usize = 1_000;

/// Measures so many refusals for each comparison.
pub(crate) async fn run(samples: usize) -> Result<(), Fault> {
    let dir: TempDir = tempfile::Builder::new().prefix("waxseal-bench.").tempdir()?;
    let config = Config { data_dir: Some(dir.path().join("timing")), ..Config::default() };
    let opened = wiring::open(&config).await?;
    let new = NewToken {
        principal: PrincipalId::parse("agent")?,
        role: Role::Runtime,
        reveal: false,
        scope: ScopeName::Deployment,
        expires: SystemClock.now().after(Duration::from_secs(86_400)),
    };
    let token = opened.engine.create_token(new).await?;
    let parts: Vec<_> = token.split('_').collect();
    let &[_, tag, id, secret, sum] = &parts[..] else { return Err("a token of five parts".into()) };
    if checksum(&format!("wxs_{tag}_{id}_{secret}")) != sum {
        return Err("the checksum is made in another way".into());
    }
    let wrong = || base62(secret.len());
    let known = || Ok(shown(tag, id, &wrong()?));
    let unknown = || Ok(shown(tag, &base62(id.len())?, &wrong()?));
    // Half of it is right: where bytes were compared one by one, that would take longer.
    let half = secret.len() / 2;
    let begun = || Ok(shown(tag, id, &format!("{}{}", &secret[..half], &wrong()?[half..])));
    let a =
        compare(&opened.engine, "known id, wrong secret / unknown id", samples, [&known, &unknown]);
    let a = a.await?;
    let what = "right / wrong first half of the secret";
    let b = compare(&opened.engine, what, samples, [&begun, &known]).await?;
    if a && b { Ok(()) } else { Err("the time of a refusal tells why".into()) }
}

type Make<'a> = &'a dyn Fn() -> Result<String, Fault>;

/// Measures refusals of two classes; prints whether they look the same, and gives that.
async fn compare(
    engine: &Engine,
    what: &str,
    samples: usize,
    classes: [Make<'_>; 2],
) -> Result<bool, Fault> {
    let mut order = vec![0_u8; samples + WARM_UP];
    getrandom::fill(&mut order)?;
    let mut times = Vec::with_capacity(order.len());
    for random in order {
        let class = usize::from(random & 1);
        // Both are made: what one took longer would shift when its call begins, between the ticks of
        // the clock that refusals wait for.
        let tokens = [classes[0]()?, classes[1]()?];
        let token = &tokens[class];
        let start = Instant::now();
        let answer = engine.authenticate(token).await;
        let time = start.elapsed();
        if !matches!(answer, Err(Error::CredentialsInvalid)) {
            return Err("a wrong token was not refused as one".into());
        }
        times.push((class, time.as_nanos() as f64));
    }
    let t = largest_t(&times[WARM_UP..]);
    let same = t.abs() < THRESHOLD;
    let verdict = if same { "pass" } else { "FAIL" };
    report::line(&format!("{verdict}: {what}: |t| {:.2} of {samples} samples", t.abs()));
    Ok(same)
}

/// The t that is furthest from zero, of all times and of those below some percentiles.
fn largest_t(times: &[(usize, f64)]) -> f64 {
    let mut sorted: Vec<_> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_by(f64::total_cmp);
    let crop = |number: u32| {
        let share = 1.0 - 0.5_f64.powf(10.0 * f64::from(number) / f64::from(CROPS));
        sorted.get((share * sorted.len() as f64) as usize).copied()
    };
    let below = (1..=CROPS).filter_map(crop).chain([f64::INFINITY]);
    let all = below.map(|most| t(times.iter().filter(|(_, time)| *time <= most)));
    all.filter(|t| t.is_finite()).fold(0.0, |most, t| if t.abs() > most.abs() { t } else { most })
}

/// Welch's t between the classes; not a number where one has no spread.
fn t<'a>(times: impl Iterator<Item = &'a (usize, f64)>) -> f64 {
    // Welford: count, mean, sum of squares.
    let mut classes = [(0.0, 0.0, 0.0); 2];
    for (class, time) in times {
        let (count, mean, squares) = &mut classes[*class];
        *count += 1.0;
        let off = time - *mean;
        *mean += off / *count;
        *squares += off * (time - *mean);
    }
    let [(n, mean, _), (m, other, _)] = classes;
    let [a, b] = classes.map(|(count, _, squares)| squares / (count - 1.0) / count);
    // A handful of times has no distribution.
    if n < 100.0 || m < 100.0 { f64::NAN } else { (mean - other) / (a + b).sqrt() }
}

fn shown(tag: &str, id: &str, secret: &str) -> String {
    let body = format!("wxs_{tag}_{id}_{secret}");
    let sum = checksum(&body);
    format!("{body}_{sum}")
}

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a token ends with: one that ends otherwise is refused without a look into the store.
fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [' '; 6];
    for digit in digits.iter_mut().rev() {
        *digit = char::from(ALPHABET[(rest % 62) as usize]);
        rest /= 62;
    }
    digits.iter().collect()
}

fn base62(length: usize) -> Result<String, Fault> {
    let mut random = vec![0; length];
    getrandom::fill(&mut random)?;
    Ok(random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 62)])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times with the same spread in both classes, and so much between them.
    fn times(between: f64) -> Vec<(usize, f64)> {
        let spread = |number: u32| f64::from(number.wrapping_mul(2_654_435_761) >> 16) / 65_536.0;
        (0..20_000)
            .map(|number| {
                let class = (number % 2) as usize;
                (class, 100.0 + spread(number / 2) + between * class as f64)
            })
            .collect()
    }

    #[test]
    fn classes_are_told_apart_where_they_differ() {
        assert!(largest_t(&times(0.0)).abs() < THRESHOLD);
        assert!(largest_t(&times(0.1)).abs() > THRESHOLD);
    }

    #[test]
    fn what_is_rare_and_long_is_cropped() {
        let mut times = times(0.05);
        for (number, (_, time)) in times.iter_mut().enumerate() {
            if number % 97 == 0 {
                *time += 1e6;
            }
        }
        assert!(t(times.iter()).abs() < THRESHOLD);
        assert!(largest_t(&times).abs() > THRESHOLD);
    }
}
