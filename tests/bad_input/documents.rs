//! Policy documents: published as text as received, so a malformed one is no less a document. It equals only itself.

use ramstream::intake;
use ramstream::model::Document;

use crate::mutations::of_bytes;
use crate::tally::Tally;

const DOCUMENT: &str = r#"{"Statement":[{"Action":"ecs:*","Effect":"Allow","Resource":"*"}],"Version":"1"}"#;

/// Tries all of them.
pub(crate) fn run(tally: &mut Tally) {
    let good = Document::new(DOCUMENT);
    // An array of one stands for what is in it.
    let mutated = of_bytes(DOCUMENT, "\"Effect\":\"").into_iter().filter(|(what, _)| what != "the reply in an array");
    for (what, bytes) in mutated {
        let verdict = match std::str::from_utf8(&bytes) {
            Err(_) => intake::documents(&bytes).map_or(Ok(()), |()| Err("was taken".to_owned())),
            Ok(text) => {
                let bad = Document::new(text);
                let two = [&bytes[..], b"\0", DOCUMENT.as_bytes()].concat();
                match (bad == good, bad == bad.clone(), bad.as_str() == text, intake::documents(&two)) {
                    (false, true, true, Ok(())) => Ok(()),
                    outcome => Err(format!("{outcome:?}")),
                }
            }
        };
        tally.judged("policy documents", what, verdict);
    }
}
