//! Pure. Due times: a heap that knows where each record stands, so that removal leaves no rest.

/// Children per node: four keep the heap flat and siblings within one cache line.
const ARITY: usize = 4;

/// A due time and whose it is; of equal times the one asked for first comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Node {
    pub(crate) due: u64,
    /// Counts requests; it wraps, which reorders equal times once in four billion.
    order: u32,
    pub(crate) slot: u32,
}

/// Records that remember their position in the heap.
pub(crate) trait Positions {
    fn moved(&mut self, slot: u32, position: u32);
}

/// A min-heap by due time.
#[derive(Debug, Default)]
pub(crate) struct Heap {
    nodes: Vec<Node>,
    order: u32,
}

impl Heap {
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
    }

    pub(crate) fn first(&self) -> Option<Node> {
        self.nodes.first().copied()
    }

    pub(crate) fn push(&mut self, positions: &mut impl Positions, due: u64, slot: u32) {
        self.order = self.order.wrapping_add(1);
        let order = self.order;
        self.nodes.push(Node { due, order, slot });
        self.rise(positions, self.nodes.len() - 1);
    }

    /// Takes out the node at `position`.
    pub(crate) fn remove(&mut self, positions: &mut impl Positions, position: u32) -> Node {
        let at = position as usize;
        let node = self.nodes.swap_remove(at);
        if at < self.nodes.len() && self.rise(positions, at) == at {
            self.sink(positions, at);
        }
        node
    }

    /// The due time at `position`.
    pub(crate) fn due(&self, position: u32) -> u64 {
        self.nodes[position as usize].due
    }

    /// Moves the node at `position` to an earlier due time.
    pub(crate) fn earlier(&mut self, positions: &mut impl Positions, position: u32, due: u64) {
        self.order = self.order.wrapping_add(1);
        let node = &mut self.nodes[position as usize];
        (node.due, node.order) = (due, self.order);
        self.rise(positions, position as usize);
    }

    fn rise(&mut self, positions: &mut impl Positions, mut at: usize) -> usize {
        let node = self.nodes[at];
        while at > 0 {
            let parent = (at - 1) / ARITY;
            if self.nodes[parent] <= node {
                break;
            }
            self.set(positions, at, self.nodes[parent]);
            at = parent;
        }
        self.set(positions, at, node);
        at
    }

    fn sink(&mut self, positions: &mut impl Positions, mut at: usize) {
        let node = self.nodes[at];
        loop {
            let first = at * ARITY + 1;
            let last = (first + ARITY).min(self.nodes.len());
            let least = (first..last).min_by_key(|&child| self.nodes[child]);
            match least {
                Some(child) if self.nodes[child] < node => {
                    self.set(positions, at, self.nodes[child]);
                    at = child;
                }
                _ => break,
            }
        }
        self.set(positions, at, node);
    }

    fn set(&mut self, positions: &mut impl Positions, at: usize, node: Node) {
        self.nodes[at] = node;
        // Slots are 32 bits wide, so positions are too.
        positions.moved(node.slot, at as u32);
    }
}
