//! HTTP/2 written by hand: what no client of it can be made to send.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

/// What the peer did about a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Done {
    /// It sent headers.
    Answered,
    /// It ended the stream with this code.
    Reset(u32),
    /// It ended the connection.
    Closed,
}

/// The code of a peer that does not keep to the protocol.
pub const PROTOCOL_ERROR: u32 = 1;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A string of HPACK without compression.
fn string(text: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    let mut rest = text.len();
    if rest < 127 {
        coded.push(u8::try_from(rest).unwrap());
    } else {
        coded.push(127);
        rest -= 127;
        while rest >= 128 {
            coded.push(u8::try_from(rest % 128 + 128).unwrap());
            rest /= 128;
        }
        coded.push(u8::try_from(rest).unwrap());
    }
    coded.extend_from_slice(text);
    coded
}

/// Sends one call with exactly these headers.
pub fn call(url: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Done {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut block = Vec::new();
    for (name, value) in headers {
        // Literal, never indexed, with a new name.
        block.push(0x10);
        block.extend(string(name.as_bytes()));
        block.extend(string(value));
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    // The end of the headers.
    bytes.extend(frame(HEADERS, 4, 1, &block));
    // The end of the stream.
    bytes.extend(frame(0, 1, 1, body));
    stream.write_all(&bytes).unwrap();
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).is_err() {
            return Done::Closed;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).unwrap();
        match head[3] {
            HEADERS => return Done::Answered,
            RST_STREAM => return Done::Reset(u32::from_be_bytes(payload.try_into().unwrap())),
            GOAWAY => return Done::Closed,
            _ => {}
        }
    }
}
