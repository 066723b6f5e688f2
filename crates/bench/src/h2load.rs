//! Another load generator, to see that this one is right: h2load of nghttp2.

use crate::Fault;
use crate::call::framed;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// Calls a second of the bare server's answer, as h2load counts them; `None` where it is not
/// installed.
pub(crate) fn calls_per_s(
    address: SocketAddr,
    path: &str,
    dir: &Path,
    seconds: u64,
) -> Result<Option<f64>, Fault> {
    let body = dir.join("h2load.body");
    std::fs::write(&body, framed(b""))?;
    let run = Command::new("h2load")
        .args(["--threads=1", "--clients=4", "--max-concurrent-streams=16"])
        .arg(format!("--duration={seconds}"))
        .arg(format!("--data={}", body.display()))
        .args(["--header=content-type: application/grpc", "--header=te: trailers"])
        .arg(format!("http://{address}{path}"))
        .output();
    match run {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            read(&said).map(Some).ok_or_else(|| "h2load says no figure".into())
        }
    }
}

/// The figure in `finished in 2.00s, 123456.50 req/s, 1.00GB/s`.
fn read(said: &str) -> Option<f64> {
    let line = said.lines().find(|line| line.starts_with("finished in"))?;
    line.split(", ").find_map(|part| part.strip_suffix(" req/s"))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_figure_is_read() {
        let said = "progress: 100% done\n\nfinished in 2.00s, 98765.50 req/s, 801.00MB/s\n";
        assert_eq!(read(said), Some(98_765.5));
        assert_eq!(read("finished"), None);
    }
}
