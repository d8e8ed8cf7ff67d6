//! Shell. Tests of following files on a real file system.

use std::path::PathBuf;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, object: &str) {
        let text = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: {object}}}\n");
        fs::write(self.path(name), text).unwrap();
    }
}

fn names(files: &Files) -> Vec<&str> {
    files.manifests().map(|manifest| &*manifest.name).collect()
}

#[test]
fn folders_are_followed_through_adds_edits_and_removals() {
    let folder = Folder::new();
    fs::create_dir(folder.path("sub")).unwrap();
    fs::create_dir(folder.path(".git")).unwrap();
    folder.write("a.yaml", "one");
    folder.write("sub/b.yml", "two");
    folder.write(".git/c.yaml", "hidden");
    folder.write("notes.txt", "other");
    let mut files = Files::new(vec![folder.0.path().to_owned()]);
    assert!(files.scan());
    assert_eq!(names(&files), ["one", "two"]);
    assert!(!files.scan(), "nothing changed");
    folder.write("a.yaml", "three");
    folder.write("d.json", "x");
    assert!(files.scan());
    assert_eq!(names(&files), ["three", "two"]);
    assert_eq!(files.faults().len(), 1, "YAML under the name of JSON");
    fs::remove_file(folder.path("d.json")).unwrap();
    fs::remove_file(folder.path("sub/b.yml")).unwrap();
    assert!(!files.scan(), "one miss is no news");
    assert_eq!(names(&files), ["three", "two"]);
    assert!(files.scan());
    assert_eq!(names(&files), ["three"]);
    assert!(files.faults().is_empty());
}

#[test]
fn a_save_by_rename_is_an_edit() {
    let folder = Folder::new();
    folder.write("a.yaml", "one");
    let mut files = Files::new(vec![folder.path("a.yaml")]);
    assert!(files.scan());
    fs::rename(folder.path("a.yaml"), folder.path("a.yaml~")).unwrap();
    assert!(!files.scan());
    folder.write("a.yaml.tmp", "two");
    fs::rename(folder.path("a.yaml.tmp"), folder.path("a.yaml")).unwrap();
    assert!(files.scan());
    assert_eq!(names(&files), ["two"]);
}

#[test]
fn a_touch_is_no_change() {
    let folder = Folder::new();
    folder.write("a.yaml", "one");
    let mut files = Files::new(vec![folder.path("a.yaml")]);
    assert!(files.scan());
    fs::remove_file(folder.path("a.yaml")).unwrap();
    folder.write("a.yaml", "one");
    assert!(!files.scan());
}

#[test]
fn a_file_that_vanishes_is_told_and_one_that_breaks_is_kept() {
    let folder = Folder::new();
    folder.write("a.yaml", "one");
    let path = folder.path("a.yaml");
    let mut files = Files::new(vec![path.clone()]);
    assert!(files.scan());
    assert!(files.unreadable().is_empty());
    fs::write(&path, "a: b: c\n").unwrap();
    assert!(files.scan());
    assert_eq!(names(&files), [] as [&str; 0]);
    let kept: Vec<String> = files.unreadable().iter().map(ToString::to_string).collect();
    assert_eq!(kept, [path.display().to_string()]);
    fs::remove_file(&path).unwrap();
    assert!(!files.scan());
    assert!(files.scan());
    assert!(files.unreadable().is_empty());
    let told: Vec<String> = files.faults().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [format!("{}: no such file or folder", path.display())]
    );
}

#[test]
fn a_folder_without_manifests_is_told() {
    let folder = Folder::new();
    let mut files = Files::new(vec![folder.0.path().to_owned()]);
    assert!(files.scan() && files.is_empty());
    let told = files.faults()[0].to_string();
    assert!(
        told.ends_with(": no manifests (.yaml, .yml, .json) in this folder"),
        "{told}"
    );
    folder.write("a.yaml", "one");
    assert!(files.scan() && files.faults().is_empty());
}

#[test]
fn links_in_a_circle_end() {
    let folder = Folder::new();
    folder.write("a.yaml", "one");
    std::os::unix::fs::symlink(folder.0.path(), folder.path("loop")).unwrap();
    let mut files = Files::new(vec![folder.0.path().to_owned()]);
    assert!(files.scan());
    assert_eq!((files.len(), files.faults().len()), (1, 0));
}
