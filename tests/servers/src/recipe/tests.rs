//! Pure. Tests of the table of recipes.

use super::{Build, Edit, GoBuild, ModuleCopy, PythonBuild, RECIPES, Recipe, find};

const FILES: &[(&str, &str)] = &[("go.mod", "module a\n")];

const fn plain(name: &'static str, build: GoBuild) -> Recipe {
    Recipe {
        name,
        version: "1.0.0",
        cold: "",
        build: Build::Go(build),
    }
}

const fn base() -> GoBuild {
    GoBuild {
        package: "p",
        tags: "",
        ldflags: "",
        files: FILES,
        copies: &[],
        edits: &[],
    }
}

#[test]
fn every_part_of_a_recipe_changes_its_folder() {
    const COPIES: &[ModuleCopy] = &[ModuleCopy {
        module: "m",
        version: "v1",
        sum: "s",
        to: "t",
        skip: &[],
    }];
    const SKIPS: &[ModuleCopy] = &[ModuleCopy {
        module: "m",
        version: "v1",
        sum: "s",
        to: "t",
        skip: &["u"],
    }];
    const EDITS: &[Edit] = &[Edit {
        file: "f",
        find: "x",
        replace: "y",
    }];
    let variants = [
        base(),
        GoBuild {
            package: "q",
            ..base()
        },
        GoBuild {
            tags: "minimal",
            ..base()
        },
        GoBuild {
            ldflags: "-X a=b",
            ..base()
        },
        GoBuild {
            files: &[("go.mod", "module b\n")],
            ..base()
        },
        GoBuild {
            files: &[("go.sum", "module a\n")],
            ..base()
        },
        GoBuild {
            copies: COPIES,
            ..base()
        },
        GoBuild {
            copies: SKIPS,
            ..base()
        },
        GoBuild {
            edits: EDITS,
            ..base()
        },
    ];
    let folders: Vec<String> = variants
        .into_iter()
        .map(|build| plain("a", build).folder())
        .collect();
    check_all_differ(folders);
}

#[test]
fn every_part_of_a_python_recipe_changes_its_folder() {
    let variants = [("p", "a==1"), ("q", "a==1"), ("p", "a==2")];
    let folder = |(module, requirements)| {
        let build = PythonBuild {
            module,
            requirements,
        };
        let recipe = Recipe {
            build: Build::Python(build),
            ..plain("a", base())
        };
        recipe.folder()
    };
    check_all_differ(variants.map(folder).to_vec());
}

fn check_all_differ(mut folders: Vec<String>) {
    let count = folders.len();
    folders.sort();
    folders.dedup();
    assert_eq!(folders.len(), count, "{folders:?}");
}

#[test]
fn the_time_told_to_the_user_does_not_change_the_folder() {
    let one = Recipe {
        cold: "about 1 min",
        ..plain("a", base())
    };
    assert_eq!(one.folder(), plain("a", base()).folder());
}

#[test]
fn a_folder_starts_with_name_and_version() {
    let folder = plain("etcd", base()).folder();
    let hash = folder.strip_prefix("etcd-1.0.0-");
    assert!(hash.is_some_and(|hash| hash.len() == 12), "{folder}");
}

#[test]
fn names_are_found_and_unique() {
    for recipe in RECIPES {
        let same = RECIPES
            .iter()
            .filter(|other| other.name == recipe.name)
            .count();
        assert_eq!(same, 1, "{}", recipe.name);
        assert_eq!(find(recipe.name).unwrap().folder(), recipe.folder());
    }
    assert!(find("kube-scheduler").is_none());
}

#[test]
fn recipes_name_the_versions_that_their_module_files_require() {
    for (recipe, module) in [
        ("etcd", "go.etcd.io/etcd/server/v3"),
        ("kube-apiserver", "k8s.io/kubernetes"),
        ("vault", "github.com/hashicorp/vault"),
    ] {
        let recipe = find(recipe).unwrap();
        let Build::Go(build) = &recipe.build else {
            panic!("{} is not built by Go", recipe.name);
        };
        let (_, go_mod) = build.files[0];
        let want = format!("{module} v{}", recipe.version);
        assert!(go_mod.lines().any(|line| line.contains(&want)), "{want}");
    }
}

#[test]
fn every_package_of_a_python_recipe_is_pinned_with_hashes() {
    let recipe = find("moto").unwrap();
    let Build::Python(build) = &recipe.build else {
        panic!("moto is installed by pip");
    };
    let lines: Vec<&str> = build.requirements.lines().collect();
    let pins = lines.iter().filter(|line| !line.starts_with(' '));
    let pins: Vec<&&str> = pins.collect();
    assert!(
        pins.iter()
            .all(|pin| pin.contains("==") && pin.ends_with('\\')),
        "{pins:?}"
    );
    assert!(
        pins.iter()
            .any(|pin| pin.starts_with(&format!("moto=={} ", recipe.version)))
    );
    let rest = lines.iter().filter(|line| line.starts_with(' '));
    assert!(
        rest.into_iter()
            .all(|line| line.trim_start().starts_with("--hash=sha256:"))
    );
}
