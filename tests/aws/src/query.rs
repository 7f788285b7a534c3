//! The two text forms that requests carry: percent-encoding, and lists written as `Name.member.1`.

/// Undoes percent-encoding, and `+` for a space.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16)).unwrap_or(0);
                (digit() * 16 + digit()) as u8
            }
            other => other,
        });
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The pairs of a query string or of a form.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(k, v)| (decode(k), decode(v)))
        .collect()
}

/// The value of this name.
pub(crate) fn value<'p>(pairs: &'p [(String, String)], name: &str) -> Option<&'p str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_is_read() {
        assert_eq!(decode("arn%3Aaws%3Alambda+x"), "arn:aws:lambda x");
        let pairs = pairs("Qualifier=%24LATEST&n=1");
        assert_eq!((value(&pairs, "Qualifier"), value(&pairs, "m")), (Some("$LATEST"), None));
    }
}
