/// The candidate that a mistyped word most likely meant; none when nothing is near.
///
/// Letter case does not count, and a longer word may hold more slips than a short one.
pub(super) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    // Longer than any name that we know; also keeps the work small for hostile input.
    if word.len() > 80 {
        return None;
    }
    let bearable = (word.chars().count() / 3).max(1);
    candidates
        .iter()
        .map(|candidate| (slips(word, candidate), *candidate))
        .filter(|(slips, _)| *slips <= bearable)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// How many letters have to be put in, taken out, changed or swapped with their neighbour.
fn slips(word: &str, other: &str) -> usize {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut rows = vec![vec![0; other.len() + 1]; word.len() + 1];
    rows[0] = (0..=other.len()).collect();
    for i in 1..=word.len() {
        rows[i][0] = i;
        for j in 1..=other.len() {
            let change = usize::from(word[i - 1] != other[j - 1]);
            let mut least = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
            let swapped = i > 1 && j > 1 && word[i - 1] == other[j - 2] && word[i - 2] == other[j - 1];
            if swapped {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[word.len()][other.len()]
}

/// The names as people list them: `` `a`, `b` or `c` ``.
pub(super) fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [others @ .., last] => format!("{} or {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_understood_and_another_word_is_not() {
        let keys = ["names", "poll", "missing", "already_alarming"];
        assert_eq!(nearest("nmaes", &keys), Some("names"));
        assert_eq!(nearest("Name", &keys), Some("names"));
        assert_eq!(nearest("already-alarming", &keys), Some("already_alarming"));
        assert_eq!(nearest("colour", &keys), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), &keys), None);
    }

    #[test]
    fn names_are_listed_as_people_list_them() {
        assert_eq!(one_of(&["a"]), "`a`");
        assert_eq!(one_of(&["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
