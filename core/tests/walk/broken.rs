/// How a promise was broken: the rule, whose words are the same each time, and the line with the values in it. Both
/// begin with the promise's name.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    pub(crate) rule: &'static str,
    pub(crate) line: String,
}

macro_rules! broken {
    ($rule:literal $($values:tt)*) => {
        $crate::broken::Broken { rule: $rule, line: format!($rule $($values)*) }
    };
}

/// Returns what is broken unless this is so.
macro_rules! hold_to {
    ($promise:expr, $($broken:tt)+) => {
        if !$promise {
            return Err($crate::broken::broken!($($broken)+));
        }
    };
}

pub(crate) use {broken, hold_to};
