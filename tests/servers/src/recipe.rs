//! Pure. The table of the servers: where each comes from and how it is built.
//!
//! A further server is one more entry in [`RECIPES`]. Everything that an entry says goes into
//! [`Recipe::folder`], so a changed recipe is built anew and never served from an old folder.

use sha2::{Digest, Sha256};

/// Version of the Kubernetes binaries.
pub const KUBERNETES_VERSION: &str = "1.34.4";

/// One server (or tool) and the way it gets onto this machine.
#[derive(Debug)]
pub struct Recipe {
    /// Name of the binary, of the cache folder and on the command line.
    pub name: &'static str,
    /// Upstream version, without a leading `v`.
    pub version: &'static str,
    /// Cold build time on two cores, for the progress line.
    pub cold: &'static str,
    /// How the binary is made.
    pub(crate) build: Build,
}

/// How a server is made.
#[derive(Debug)]
pub(crate) enum Build {
    /// Compiled by the Go toolchain.
    Go(GoBuild),
    /// Installed by pip.
    Python(PythonBuild),
}

/// A module of Python in a virtual environment, from wheels of the Python registry.
#[derive(Debug)]
pub(crate) struct PythonBuild {
    /// What `python -m` runs.
    pub(crate) module: &'static str,
    /// Every package with its version and hashes, as pip reads it.
    pub(crate) requirements: &'static str,
}

/// A build with the Go toolchain from modules of the Go registry.
#[derive(Debug)]
pub(crate) struct GoBuild {
    /// Import path of the main package.
    pub(crate) package: &'static str,
    /// Build tags, comma separated.
    pub(crate) tags: &'static str,
    /// Linker flags besides the ones that strip symbols.
    pub(crate) ldflags: &'static str,
    /// Files of the build folder: path and content.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// Modules whose source is copied into the build folder, to be changed there.
    pub(crate) copies: &'static [ModuleCopy],
    /// Changes to copied files.
    pub(crate) edits: &'static [Edit],
}

/// A module copied out of the module cache.
#[derive(Debug)]
pub(crate) struct ModuleCopy {
    /// Module path.
    pub(crate) module: &'static str,
    /// Module version, with its leading `v`.
    pub(crate) version: &'static str,
    /// The module's hash as go.sum writes it: a replaced module is not in go.sum.
    pub(crate) sum: &'static str,
    /// Folder in the build folder.
    pub(crate) to: &'static str,
    /// Top-level entries left out.
    pub(crate) skip: &'static [&'static str],
}

/// One replacement of a text that occurs exactly once in a file.
#[derive(Debug)]
pub(crate) struct Edit {
    /// Path in the build folder.
    pub(crate) file: &'static str,
    /// Text that must occur exactly once.
    pub(crate) find: &'static str,
    /// What takes its place.
    pub(crate) replace: &'static str,
}

impl Recipe {
    /// Folder of this recipe's result in the cache: name, version and a hash of the recipe.
    #[must_use]
    pub fn folder(&self) -> String {
        let mut hash = Sha256::new();
        let mut field = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        field(self.name);
        field(self.version);
        match &self.build {
            Build::Go(build) => build.fields(&mut field),
            Build::Python(build) => {
                field(build.module);
                field(build.requirements);
            }
        }
        let digest = hash.finalize();
        let short: String = digest[..6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{}-{}-{short}", self.name, self.version)
    }
}

impl GoBuild {
    /// Hands everything that a build depends on to `field`.
    fn fields(&self, field: &mut impl FnMut(&str)) {
        for text in [self.package, self.tags, self.ldflags] {
            field(text);
        }
        for (path, content) in self.files {
            field(path);
            field(content);
        }
        for copy in self.copies {
            for text in [copy.module, copy.version, copy.sum, copy.to] {
                field(text);
            }
            copy.skip.iter().for_each(|name| field(name));
        }
        for edit in self.edits {
            for text in [edit.file, edit.find, edit.replace] {
                field(text);
            }
        }
    }
}

/// Finds a recipe by its name.
pub(crate) fn find(name: &str) -> Option<&'static Recipe> {
    RECIPES.iter().copied().find(|recipe| recipe.name == name)
}

/// Every server there is a recipe for, in the order in which they are built.
pub const RECIPES: &[&Recipe] = &[
    &ETCD,
    &KUBE_APISERVER,
    &KUBE_CONTROLLER_MANAGER,
    &KUBECTL,
    &VAULT,
    &MOTO,
];

/// The store behind the API server.
const ETCD: Recipe = Recipe {
    name: "etcd",
    version: "3.6.5",
    cold: "about 1 min",
    build: Build::Go(GoBuild {
        package: "go.etcd.io/etcd/server/v3",
        tags: "",
        ldflags: "",
        files: &[
            ("go.mod", include_str!("../recipes/etcd/go.mod")),
            ("go.sum", include_str!("../recipes/etcd/go.sum")),
        ],
        copies: &[],
        edits: &[],
    }),
};

/// The API server.
const KUBE_APISERVER: Recipe = Recipe {
    name: "kube-apiserver",
    version: KUBERNETES_VERSION,
    cold: "about 4 min",
    build: kubernetes("k8s.io/kubernetes/cmd/kube-apiserver"),
};

/// The controllers of Kubernetes itself: garbage collection, namespaces, service accounts.
const KUBE_CONTROLLER_MANAGER: Recipe = Recipe {
    name: "kube-controller-manager",
    version: KUBERNETES_VERSION,
    cold: "about 2 min",
    build: kubernetes("k8s.io/kubernetes/cmd/kube-controller-manager"),
};

/// The command line client.
const KUBECTL: Recipe = Recipe {
    name: "kubectl",
    version: KUBERNETES_VERSION,
    cold: "about 1 min",
    build: kubernetes("k8s.io/kubernetes/cmd/kubectl"),
};

const fn kubernetes(package: &'static str) -> Build {
    Build::Go(GoBuild {
        package,
        tags: "",
        ldflags: "-X k8s.io/component-base/version.gitVersion=v1.34.4 \
                  -X k8s.io/component-base/version.gitMajor=1 \
                  -X k8s.io/component-base/version.gitMinor=34",
        files: &[
            ("go.mod", include_str!("../recipes/kubernetes/go.mod")),
            ("go.sum", include_str!("../recipes/kubernetes/go.sum")),
        ],
        copies: &[],
        edits: &[],
    })
}

/// Vault, for tests only (its licence, BUSL, does not let it be shipped with the product).
///
/// The minimal build plus the Kubernetes and LDAP methods and file storage, compiled in. No
/// published `vault/sdk` matches the tag, so two of its functions get the form that Vault calls.
const VAULT: Recipe = Recipe {
    name: "vault",
    version: "1.21.4",
    cold: "about 6 min",
    build: Build::Go(GoBuild {
        package: "github.com/hashicorp/vault",
        tags: "minimal",
        ldflags: "",
        files: &[
            ("go.mod", include_str!("../recipes/vault/go.mod")),
            ("go.sum", include_str!("../recipes/vault/go.sum")),
            (
                "vault/helper/builtinplugins/registry_min.go",
                include_str!("../recipes/vault/registry_min.go"),
            ),
            (
                "vault/command/commands_min.go",
                include_str!("../recipes/vault/commands_min.go"),
            ),
            (
                "sdk/helper/keysutil/restore_policy.go",
                include_str!("../recipes/vault/restore_policy.go"),
            ),
        ],
        copies: &[
            ModuleCopy {
                module: "github.com/hashicorp/vault",
                version: "v1.21.4",
                sum: "h1:KHGcdSnJtombvae1gDk+jZ50kiFngJPFDOvcCJRnU0c=",
                to: "vault",
                skip: &["ui", "website", "enos", "changelog"],
            },
            ModuleCopy {
                module: "github.com/hashicorp/vault/sdk",
                version: "v0.21.0",
                sum: "h1:3gDqdKLhHY2ekmCEE9EeesoNpgsReq2bo/SpMqvBYdw=",
                to: "sdk",
                skip: &[],
            },
        ],
        edits: &[
            Edit {
                file: "sdk/framework/backend.go",
                find: "func(context.Context, *logical.Request, string) error",
                replace: "func(context.Context, *logical.Request) error",
            },
            Edit {
                file: "sdk/helper/keysutil/lock_manager.go",
                find: "RestorePolicy(ctx context.Context, storage logical.Storage, name",
                replace: "restorePolicy(ctx context.Context, storage logical.Storage, \
                          restored *string, name",
            },
            Edit {
                file: "sdk/helper/keysutil/lock_manager.go",
                find: "\tname = keyData.Policy.Name\n",
                replace: "\tname = keyData.Policy.Name\n\t*restored = name\n",
            },
        ],
    }),
};

/// AWS as moto answers it: KMS, STS, Secrets Manager and SSM among others.
///
/// `requirements.txt` is `uv pip compile --universal --generate-hashes` of `requirements.in`.
const MOTO: Recipe = Recipe {
    name: "moto",
    version: "5.2.5",
    cold: "about 1 min",
    build: Build::Python(PythonBuild {
        module: "moto.server",
        requirements: include_str!("../recipes/moto/requirements.txt"),
    }),
};

#[cfg(test)]
mod tests;
