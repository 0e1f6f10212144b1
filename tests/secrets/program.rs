//! The built program with canaries for secrets, and something that repeats whatever it is sent.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::canaries;

/// What a run printed on both its outputs.
pub(crate) struct Printed {
    pub(crate) code: Option<i32>,
    pub(crate) text: String,
}

pub(crate) fn command(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ramstream"));
    command.args(arguments).current_dir(directory).env_clear().envs(variables.iter().copied());
    command
}

/// Runs to the end, or for as long as `at_most`, and makes sure that nothing of it holds a canary.
pub(crate) fn run(mut command: Command, directory: &Path, at_most: Duration) -> Printed {
    let name = directory.join("output");
    let output = std::fs::File::create(&name).expect("a file");
    let both = output.try_clone().expect("a file");
    let mut child = command.stdin(Stdio::null()).stdout(output).stderr(both).spawn().expect("it starts");
    let deadline = Instant::now() + at_most;
    let code = loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status.code();
        }
        if Instant::now() > deadline {
            end(&mut child);
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let text = String::from_utf8_lossy(&std::fs::read(&name).expect("the output")).into_owned();
    canaries::none_in("the output", &text);
    Printed { code, text }
}

pub(crate) fn end(child: &mut Child) {
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

/// A server that refuses every request with a message that repeats the whole of it.
pub(crate) fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut request = vec![0; 16 * 1024];
                let length = stream.read(&mut request).unwrap_or(0);
                let said = String::from_utf8_lossy(&request[..length]);
                let said = said.split("canary").last().map_or(String::new(), |rest| format!("canary{rest}"));
                let message = serde_json::json!({ "Code": "InvalidParameter.Odd", "Message": said, "error_code": 50001, "message": said });
                let body = message.to_string();
                let head = "HTTP/1.1 400 Bad Request\r\nDate: Thu, 01 Jan 2026 12:00:00 GMT\r\nConnection: close\r\n";
                // Who has gone away does not want to know.
                write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).ok();
            });
        }
    });
    address
}
