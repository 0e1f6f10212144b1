//! A page as a parser by another hand finds it.

use std::collections::BTreeMap;

use html5gum::{DefaultEmitter, Token, Tokenizer};

/// The elements in the order of the document.
#[derive(Debug)]
pub(crate) struct Html(pub(crate) Vec<Element>);

#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// Of everything in it, in one line.
    pub(crate) text: String,
    /// Those that it stands in, the outermost first.
    within: Vec<usize>,
}

impl Html {
    /// Every tag must be closed in its turn, and no text may be one that parsers have to guess at.
    #[track_caller]
    pub(crate) fn parse(page: &str) -> Self {
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (mut elements, mut open): (Vec<Element>, Vec<usize>) = (Vec::new(), Vec::new());
        for Ok(token) in Tokenizer::new_with_emitter(page, emitter) {
            match token {
                Token::StartTag(tag) => {
                    let attributes = tag.attributes.iter().map(|(name, value)| (text(name), text(value))).collect();
                    let name = text(&tag.name);
                    let is_void = name == "meta";
                    elements.push(Element { name, attributes, text: String::new(), within: open.clone() });
                    open.extend((!is_void).then_some(elements.len() - 1));
                }
                Token::EndTag(tag) => {
                    let closed = open.pop().expect("something is open");
                    assert_eq!(elements[closed].name, text(&tag.name));
                }
                Token::String(said) => open.iter().for_each(|element| elements[*element].text += &text(&said)),
                Token::Doctype(doctype) => assert_eq!(text(&doctype.name), "html"),
                Token::Comment(_) | Token::Error(_) => panic!("{token:?} in {page}"),
            }
        }
        assert!(open.is_empty(), "everything is closed");
        Self(elements)
    }

    /// The elements with this name in the section with this id.
    pub(crate) fn all(&self, section: &str, name: &str) -> Vec<&Element> {
        self.0.iter().filter(|element| element.name == name && self.is_in(element, "id", section)).collect()
    }

    fn is_in(&self, element: &Element, attribute: &str, value: &str) -> bool {
        element.within.iter().any(|outer| self.0[*outer].attributes.get(attribute).is_some_and(|found| found == value))
    }

    /// What the section with this id says.
    #[track_caller]
    pub(crate) fn text(&self, section: &str) -> &str {
        let found = self.0.iter().find(|element| element.attributes.get("id").is_some_and(|id| id == section));
        &found.unwrap_or_else(|| panic!("no section {section}")).text
    }

    /// The rows of the table in this section: what each cell says, by its heading.
    pub(crate) fn rows(&self, section: &str) -> Vec<BTreeMap<&str, &str>> {
        let place = |element: &Element| self.0.iter().position(|other| std::ptr::eq(other, element));
        let rows = self.all(section, "tr").into_iter().map(|row| {
            let cells = self.0.iter().filter(|cell| cell.name == "td" && cell.within.last().copied() == place(row));
            cells.map(|cell| (cell.attributes["data-label"].as_str(), cell.text.as_str())).collect()
        });
        rows.filter(|row: &BTreeMap<_, _>| !row.is_empty()).collect()
    }
}
