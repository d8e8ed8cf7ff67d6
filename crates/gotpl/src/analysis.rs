//! Pure. What can be said of a template without executing it.
use std::collections::BTreeSet;

use crate::ast::{Arg, ArgKind, Block, Node, Pipe};
use crate::bytes::Str;
use crate::parse::Templates;

/// Which top-level keys of its data a template may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeysUsed {
    /// Any of them.
    All,
    /// These at most.
    Only(BTreeSet<Str>),
}

/// The keys that the template of a name may read.
pub(crate) fn keys_used(templates: &Templates, name: &[u8]) -> KeysUsed {
    let mut keys = Keys {
        templates,
        found: BTreeSet::new(),
        all: false,
        seen: BTreeSet::new(),
    };
    if let Some(root) = templates.get(name) {
        keys.block(root, true);
    }
    if keys.all {
        KeysUsed::All
    } else {
        KeysUsed::Only(keys.found)
    }
}

struct Keys<'t> {
    templates: &'t Templates,
    found: BTreeSet<Str>,
    all: bool,
    /// Templates that were looked into with the root as their data.
    seen: BTreeSet<&'t Str>,
}

impl<'t> Keys<'t> {
    /// `root`: whether dot is the root of the data. `$` always is, in the main template and in
    /// those that are called with the root; elsewhere neither can be.
    fn block(&mut self, block: &'t Block, root: bool) {
        for node in &block.nodes {
            match node {
                Node::Text(_) | Node::Break(_) | Node::Continue(_) => {}
                Node::Action(pipe) => self.pipe(pipe, root),
                Node::If(branch) => {
                    self.pipe(&branch.pipe, root);
                    self.block(&branch.then, root);
                    self.otherwise(branch.otherwise.as_ref(), root);
                }
                Node::Range(branch) | Node::With(branch) => {
                    self.pipe(&branch.pipe, root);
                    self.block(&branch.then, false);
                    self.otherwise(branch.otherwise.as_ref(), root);
                }
                Node::Template(invocation) => {
                    let Some(pipe) = &invocation.pipe else {
                        continue;
                    };
                    if is_root(pipe, root) {
                        self.enter(&invocation.name);
                    } else {
                        self.pipe(pipe, root);
                    }
                }
            }
        }
    }

    fn otherwise(&mut self, block: Option<&'t Block>, root: bool) {
        if let Some(block) = block {
            self.block(block, root);
        }
    }

    fn enter(&mut self, name: &Str) {
        let Some((name, tree)) = self.templates.get_key_value(name) else {
            return;
        };
        if self.seen.insert(name) {
            self.block(tree, true);
        }
    }

    fn pipe(&mut self, pipe: &'t Pipe, root: bool) {
        for command in &pipe.commands {
            if let [function, data, key, ..] = command.args.as_slice()
                && let ArgKind::Identifier(function) = &function.kind
                && matches!(function.name, "index" | "get" | "hasKey")
                && is_root_arg(data, root)
                && let ArgKind::Str(_, key) = &key.kind
            {
                self.found.insert(key.clone());
                command.args[3..].iter().for_each(|arg| self.arg(arg, root));
            } else {
                command.args.iter().for_each(|arg| self.arg(arg, root));
            }
        }
    }

    fn arg(&mut self, arg: &'t Arg, root: bool) {
        match &arg.kind {
            ArgKind::Dot => self.all |= root,
            ArgKind::Field(path) if root => self.key(path.first().map(|name| &**name)),
            ArgKind::Variable(path) if path.first().is_some_and(|name| &**name == "$") => {
                match path.get(1) {
                    Some(key) => self.key(Some(&**key)),
                    None => self.all = true,
                }
            }
            ArgKind::Pipe(pipe) => self.pipe(pipe, root),
            ArgKind::Chain(inner, path) => {
                if is_root_arg(inner, root) {
                    self.key(path.first().map(|name| &**name));
                } else {
                    self.arg(inner, root);
                }
            }
            _ => {}
        }
    }

    fn key(&mut self, name: Option<&str>) {
        if let Some(name) = name {
            self.found.insert(Str::from(name));
        }
    }
}

fn is_root(pipe: &Pipe, root: bool) -> bool {
    match pipe.commands.as_slice() {
        [command] => matches!(command.args.as_slice(), [arg] if is_root_arg(arg, root)),
        _ => false,
    }
}

fn is_root_arg(arg: &Arg, root: bool) -> bool {
    match &arg.kind {
        ArgKind::Dot => root,
        ArgKind::Variable(path) => path.len() == 1 && &*path[0] == "$",
        ArgKind::Pipe(pipe) => pipe.decl.is_empty() && is_root(pipe, root),
        _ => false,
    }
}

/// Whether a function occurs anywhere whose results depend on time or randomness.
pub(crate) fn is_volatile(templates: &Templates) -> bool {
    templates.values().any(block_is_volatile)
}

fn block_is_volatile(block: &Block) -> bool {
    block.nodes.iter().any(|node| match node {
        Node::Text(_) | Node::Break(_) | Node::Continue(_) => false,
        Node::Action(pipe) => pipe_is_volatile(pipe),
        Node::If(branch) | Node::Range(branch) | Node::With(branch) => {
            pipe_is_volatile(&branch.pipe)
                || block_is_volatile(&branch.then)
                || branch.otherwise.as_ref().is_some_and(block_is_volatile)
        }
        Node::Template(invocation) => invocation.pipe.as_ref().is_some_and(pipe_is_volatile),
    })
}

fn pipe_is_volatile(pipe: &Pipe) -> bool {
    pipe.commands
        .iter()
        .flat_map(|command| &command.args)
        .any(arg_is_volatile)
}

fn arg_is_volatile(arg: &Arg) -> bool {
    match &arg.kind {
        ArgKind::Identifier(function) => function.is_volatile(),
        ArgKind::Pipe(pipe) => pipe_is_volatile(pipe),
        ArgKind::Chain(inner, _) => arg_is_volatile(inner),
        _ => false,
    }
}
