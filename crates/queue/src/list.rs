//! Pure. Doubly linked lists through records of an arena: everything in constant time.

/// No record.
pub(crate) const NIL: u32 = u32::MAX;

/// A record's neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    prev: u32,
    next: u32,
}

impl Link {
    pub(crate) const LOOSE: Self = Self {
        prev: NIL,
        next: NIL,
    };
}

/// An arena whose records carry a link.
pub(crate) trait Links {
    fn link(&mut self, at: u32) -> &mut Link;
}

/// A list; a record is in at most one list per link.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List {
    head: u32,
    tail: u32,
    len: u32,
}

impl List {
    pub(crate) const EMPTY: Self = Self {
        head: NIL,
        tail: NIL,
        len: 0,
    };

    pub(crate) fn len(self) -> usize {
        self.len as usize
    }

    pub(crate) fn is_empty(self) -> bool {
        self.len == 0
    }

    pub(crate) fn front(self) -> Option<u32> {
        (self.head != NIL).then_some(self.head)
    }

    pub(crate) fn push_back(&mut self, links: &mut impl Links, at: u32) {
        *links.link(at) = Link {
            prev: self.tail,
            next: NIL,
        };
        match self.tail {
            NIL => self.head = at,
            tail => links.link(tail).next = at,
        }
        self.tail = at;
        self.len += 1;
    }

    /// Takes out a record that is in this list.
    pub(crate) fn unlink(&mut self, links: &mut impl Links, at: u32) {
        let Link { prev, next } = std::mem::replace(links.link(at), Link::LOOSE);
        match prev {
            NIL => self.head = next,
            prev => links.link(prev).next = next,
        }
        match next {
            NIL => self.tail = prev,
            next => links.link(next).prev = prev,
        }
        self.len -= 1;
    }
}
