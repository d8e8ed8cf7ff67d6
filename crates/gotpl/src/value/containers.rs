//! Pure. Lists and maps, shared between the values that hold them.
use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use super::Value;
use crate::bytes::Str;
use crate::ty::Ty;

struct ListData {
    elem: &'static Ty,
    nil: bool,
    items: RefCell<Vec<Value>>,
}

/// A Go slice.
#[derive(Clone)]
pub struct List(Rc<ListData>);

impl List {
    /// A list of items of one type.
    pub fn new(elem: &'static Ty, items: Vec<Value>) -> Self {
        Self(Rc::new(ListData {
            elem,
            nil: false,
            items: RefCell::new(items),
        }))
    }

    /// The nil slice of a type.
    pub fn nil(elem: &'static Ty) -> Self {
        Self(Rc::new(ListData {
            elem,
            nil: true,
            items: RefCell::default(),
        }))
    }

    /// The type of the items.
    pub fn elem(&self) -> &'static Ty {
        self.0.elem
    }

    /// Whether it is a nil slice.
    pub fn is_nil(&self) -> bool {
        self.0.nil
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.0.items.borrow().len()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items, borrowed.
    pub fn items(&self) -> Ref<'_, Vec<Value>> {
        self.0.items.borrow()
    }

    /// One item.
    pub fn get(&self, index: usize) -> Option<Value> {
        self.0.items.borrow().get(index).cloned()
    }

    /// Takes the items out, so that a long chain of lists is not dropped by recursion.
    pub(crate) fn drain(&self) -> Vec<Value> {
        self.0.items.take()
    }

    /// Whether both are the same slice in memory.
    pub(crate) fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

struct MapData {
    elem: &'static Ty,
    nil: bool,
    entries: RefCell<BTreeMap<Str, Value>>,
}

/// A Go map with string keys.
#[derive(Clone)]
pub struct Map(Rc<MapData>);

impl Map {
    /// A map to values of one type.
    pub fn new(elem: &'static Ty, entries: BTreeMap<Str, Value>) -> Self {
        Self(Rc::new(MapData {
            elem,
            nil: false,
            entries: RefCell::new(entries),
        }))
    }

    /// The nil map of a type.
    pub fn nil(elem: &'static Ty) -> Self {
        Self(Rc::new(MapData {
            elem,
            nil: true,
            entries: RefCell::default(),
        }))
    }

    /// The type of the values.
    pub fn elem(&self) -> &'static Ty {
        self.0.elem
    }

    /// Whether it is a nil map.
    pub fn is_nil(&self) -> bool {
        self.0.nil
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.0.entries.borrow().len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries in the order of their keys, borrowed.
    pub fn entries(&self) -> Ref<'_, BTreeMap<Str, Value>> {
        self.0.entries.borrow()
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        self.0.entries.borrow().get(key).cloned()
    }

    /// Sets a key; false for a nil map, which takes no entries.
    pub fn set(&self, key: Str, value: Value) -> bool {
        if !self.0.nil {
            self.0.entries.borrow_mut().insert(key, value);
        }
        !self.0.nil
    }

    /// Removes a key.
    pub fn remove(&self, key: &[u8]) {
        self.0.entries.borrow_mut().remove(key);
    }

    /// Takes the entries out, so that a long chain of maps is not dropped by recursion.
    pub(crate) fn drain(&self) -> BTreeMap<Str, Value> {
        self.0.entries.take()
    }

    /// Whether both are the same map in memory.
    pub(crate) fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List({} items)", self.len())
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Map({} entries)", self.len())
    }
}
