//! Documents that Python programs hand over as values: what JSON has, lengths of time, and paths.

use std::path::PathBuf;

use lambda_rollout::{Error, ErrorKind};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDelta, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};
use serde_json::{Map, Number, Value};

use crate::failure::raised;

/// How deep a document may be. One that goes deeper holds itself.
const DEEPEST: usize = 64;

/// A document as JSON text.
#[pyfunction]
pub(crate) fn as_json(document: &Bound<'_, PyAny>) -> PyResult<String> {
    value_of(document).map(|value| value.to_string())
}

/// Reads a document, without Python's own JSON: that takes longer to import than all else that a plan needs.
pub(crate) fn value_of(document: &Bound<'_, PyAny>) -> PyResult<Value> {
    read(document, 0).map_err(|flaw| flaw.told(document.py()))
}

/// What no document can have, and where it stands, innermost part first.
struct Flaw {
    path: Vec<String>,
    why: Why,
}

enum Why {
    Type(String),
    Value(String),
    /// Python code of the document's own, such as a mapping's, raised this.
    Raised(PyErr),
}

impl Flaw {
    fn under(mut self, part: String) -> Self {
        self.path.push(part);
        self
    }

    fn told(self, py: Python<'_>) -> PyErr {
        let parts: String = self.path.iter().rev().map(String::as_str).collect();
        let path = parts.strip_prefix('.').unwrap_or(&parts);
        let place = if path.is_empty() { String::new() } else { format!("{path}: ") };
        match self.why {
            Why::Type(why) => PyTypeError::new_err(format!("{place}{why}")),
            Why::Value(why) => raised(py, &Error::new(ErrorKind::Plan, format!("{place}{why}"))),
            Why::Raised(error) => error,
        }
    }
}

impl From<Why> for Flaw {
    fn from(why: Why) -> Self {
        Self { path: Vec::new(), why }
    }
}

impl From<PyErr> for Flaw {
    fn from(error: PyErr) -> Self {
        Why::Raised(error).into()
    }
}

fn read(given: &Bound<'_, PyAny>, depth: usize) -> Result<Value, Flaw> {
    if depth > DEEPEST {
        return Err(Why::Value(format!("deeper than {DEEPEST} levels; does it hold itself?")).into());
    }
    if given.is_none() {
        Ok(Value::Null)
    } else if let Ok(text) = given.cast::<PyString>() {
        text_of(text).map(Value::String)
    } else if let Ok(truth) = given.cast::<PyBool>() {
        Ok(Value::Bool(truth.is_true()))
    } else if given.is_instance_of::<PyInt>() {
        integer(given)
    } else if let Ok(number) = given.cast::<PyFloat>() {
        number_of(number.value())
    } else if let Ok(list) = given.cast::<PyList>() {
        items(list.iter(), depth)
    } else if let Ok(tuple) = given.cast::<PyTuple>() {
        items(tuple.iter(), depth)
    } else if let Ok(mapping) = given.cast::<PyMapping>() {
        entries(mapping, depth)
    } else if given.is_instance_of::<PyDelta>() {
        time(given)
    } else if given.hasattr("__fspath__")? {
        match given.extract::<PathBuf>()?.into_os_string().into_string() {
            Ok(path) => Ok(Value::String(path)),
            Err(_) => Err(Why::Value("the path is no Unicode".to_owned()).into()),
        }
    } else {
        let wanted = "a str, a number, a bool, None, a timedelta, a path, a list, a tuple or a mapping";
        Err(Why::Type(format!("a document has no {}; it has {wanted}", given.get_type().name()?)).into())
    }
}

/// Half of a surrogate pair is a character for Python, and for nobody else.
fn text_of(text: &Bound<'_, PyString>) -> Result<String, Flaw> {
    let text = text.to_cow().map_err(|_| Why::Value("the text is no Unicode".to_owned()))?;
    Ok(text.into_owned())
}

fn integer(given: &Bound<'_, PyAny>) -> Result<Value, Flaw> {
    if let Ok(number) = given.extract::<i64>() {
        return Ok(number.into());
    }
    match given.extract::<u64>() {
        Ok(number) => Ok(number.into()),
        Err(_) => number_of(given.extract().unwrap_or(f64::INFINITY)),
    }
}

fn number_of(number: f64) -> Result<Value, Flaw> {
    match Number::from_f64(number) {
        Some(number) => Ok(Value::Number(number)),
        None => Err(Why::Value(format!("`{number}` is not a number that a document can have")).into()),
    }
}

fn items<'py>(items: impl Iterator<Item = Bound<'py, PyAny>>, depth: usize) -> Result<Value, Flaw> {
    let item = |(index, item)| read(&item, depth + 1).map_err(|flaw| flaw.under(format!("[{index}]")));
    items.enumerate().map(item).collect::<Result<_, _>>().map(Value::Array)
}

fn entries(mapping: &Bound<'_, PyMapping>, depth: usize) -> Result<Value, Flaw> {
    let mut document = Map::new();
    for entry in mapping.items()?.iter() {
        let (key, value) = entry.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
        let Ok(key) = key.cast::<PyString>() else {
            return Err(
                Why::Type(format!("a document's keys are str, not {}", key.get_type().name()?)).into()
            );
        };
        let key = text_of(key)?;
        let value = read(&value, depth + 1).map_err(|flaw| flaw.under(format!(".{key}")))?;
        document.insert(key, value);
    }
    Ok(Value::Object(document))
}

/// Writes a `timedelta` as documents have lengths of time. It is never rounded: what is finer than a millisecond is
/// refused by whoever reads it.
fn time(given: &Bound<'_, PyAny>) -> Result<Value, Flaw> {
    let part = |name: &str| given.getattr(name)?.extract::<i64>();
    let seconds = part("days")? * 86_400 + part("seconds")?;
    Ok(Value::String(match part("microseconds")? {
        0 => format!("{seconds}s"),
        micros => format!("{}us", i128::from(seconds) * 1_000_000 + i128::from(micros)),
    }))
}
