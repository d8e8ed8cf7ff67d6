//! Pure. Discovery: `/api`, `/apis` and the resources of each version, plain and aggregated.

use serde_json::{Value, json};

use super::error::{ApiError, Result};
use super::resource::{Builtin, Resource, api_version};
use super::review::REVIEWS;
use super::{Answer, Engine, Request, Route};

/// The version that `/version` names: the one whose behaviour was followed.
const MAJOR: &str = "1";
const MINOR: &str = "34";
const GIT: &str = "v1.34.0+kubebox";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const CUSTOM_VERBS: [&str; 8] = [
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];
const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

impl Engine {
    /// Answers everything that is no object.
    pub(crate) fn document(&mut self, route: &Route, request: &Request) -> Result<Answer> {
        if request.method != http::Method::GET && request.method != http::Method::HEAD {
            return Err(ApiError::method_not_allowed());
        }
        let aggregated =
            request.accept.contains("as=APIGroupDiscoveryList") && request.accept.contains("v=v2");
        let value = match route {
            Route::Version => json!({
                "major": MAJOR, "minor": MINOR, "gitVersion": GIT, "gitCommit": "",
                "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none",
                "compiler": "rustc", "platform": "linux/amd64",
            }),
            Route::Paths => self.paths(),
            Route::CoreVersions | Route::Groups if aggregated => {
                let core = *route == Route::CoreVersions;
                let list = self.aggregated(core);
                return Ok(Answer {
                    media: AGGREGATED,
                    ..Answer::json(200, &list)
                });
            }
            Route::CoreVersions => json!({ "kind": "APIVersions", "versions": ["v1"],
                "serverAddressByClientCIDRs": [] }),
            Route::Groups => {
                let groups: Vec<Value> = self.groups().iter().map(|g| self.group(g)).collect();
                json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
            }
            Route::Group(name) => {
                if !self.groups().contains(name) {
                    return Ok(Answer::text(404, "404 page not found\n"));
                }
                let mut group = self.group(name);
                group["kind"] = "APIGroup".into();
                group["apiVersion"] = "v1".into();
                group
            }
            Route::Resources(group, version) => {
                if !self.group_versions(group).contains(version) {
                    return Ok(Answer::text(404, "404 page not found\n"));
                }
                self.resources(group, version)
            }
            Route::OpenApiV2 => return self.openapi_v2(&request.accept),
            Route::OpenApiV3 => return Ok(self.openapi_v3_index()),
            Route::OpenApiV3Of(path) => return self.openapi_v3(path),
            _ => return Ok(Answer::text(404, "404 page not found\n")),
        };
        Ok(Answer::json(200, &value))
    }

    /// The named groups, those of the reviews included.
    pub(crate) fn groups(&self) -> Vec<String> {
        let mut names = self.registry.group_names();
        names.extend(REVIEWS.iter().map(|(group, ..)| (*group).to_owned()));
        names.retain(|name| !name.is_empty());
        names.sort();
        names.dedup();
        names
    }

    pub(crate) fn group_versions(&self, group: &str) -> Vec<String> {
        if REVIEWS.iter().any(|(g, ..)| *g == group) {
            return vec!["v1".to_owned()];
        }
        self.registry.versions(group)
    }

    fn paths(&self) -> Value {
        let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
        for group in self.groups() {
            paths.push(format!("/apis/{group}"));
            let versions = self.group_versions(&group);
            paths.extend(versions.iter().map(|v| format!("/apis/{group}/{v}")));
        }
        for path in [
            "/healthz",
            "/livez",
            "/openapi/v2",
            "/openapi/v3",
            "/readyz",
            "/version",
        ] {
            paths.push(path.to_owned());
        }
        json!({ "paths": paths })
    }

    fn group(&self, name: &str) -> Value {
        let versions: Vec<Value> = self
            .group_versions(name)
            .iter()
            .map(|v| json!({ "groupVersion": api_version(name, v), "version": v }))
            .collect();
        json!({ "name": name, "preferredVersion": versions.first(), "versions": versions })
    }

    fn served(&self, group: &str, version: &str) -> Vec<(&Resource, usize)> {
        self.registry
            .all()
            .filter(|r| r.group == group)
            .filter_map(|r| {
                let at = r
                    .versions
                    .iter()
                    .position(|v| v.served && v.name == version)?;
                Some((&**r, at))
            })
            .collect()
    }

    fn resources(&self, group: &str, version: &str) -> Value {
        let mut list = Vec::new();
        for (resource, at) in self.served(group, version) {
            let mut entry = json!({
                "name": resource.plural, "singularName": resource.singular,
                "namespaced": resource.namespaced, "kind": resource.kind, "verbs": verbs(resource),
            });
            if !resource.short_names.is_empty() {
                entry["shortNames"] = json!(resource.short_names);
            }
            if !resource.categories.is_empty() {
                entry["categories"] = json!(resource.categories);
            }
            list.push(entry);
            for (name, kind, verbs) in subresources(resource, at) {
                let mut entry = json!({
                    "name": format!("{}/{name}", resource.plural), "singularName": "",
                    "namespaced": resource.namespaced, "kind": kind, "verbs": verbs,
                });
                if kind == "TokenRequest" {
                    entry["group"] = "authentication.k8s.io".into();
                    entry["version"] = "v1".into();
                }
                list.push(entry);
            }
        }
        for (_, plural, kind, namespaced) in REVIEWS.iter().filter(|(g, ..)| *g == group) {
            list.push(json!({ "name": plural, "singularName": kind.to_lowercase(),
                "namespaced": namespaced, "kind": kind, "verbs": ["create"] }));
        }
        json!({ "kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": api_version(group, version), "resources": list })
    }

    fn aggregated(&self, core: bool) -> Value {
        let names = if core {
            vec![String::new()]
        } else {
            self.groups()
        };
        let items: Vec<Value> = names
            .iter()
            .map(|group| {
                let versions: Vec<Value> = self
                    .group_versions(group)
                    .iter()
                    .map(|version| {
                        let list = self.aggregated_resources(group, version);
                        json!({ "version": version, "resources": list, "freshness": "Current" })
                    })
                    .collect();
                let mut item = json!({ "metadata": { "creationTimestamp": null },
                    "versions": versions });
                if !group.is_empty() {
                    item["metadata"]["name"] = group.as_str().into();
                }
                item
            })
            .collect();
        json!({ "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2",
            "metadata": {}, "items": items })
    }

    fn aggregated_resources(&self, group: &str, version: &str) -> Vec<Value> {
        let scope = |namespaced: bool| if namespaced { "Namespaced" } else { "Cluster" };
        let kind = |group: &str, version: &str, kind: &str| {
            let gvk = [("group", group), ("version", version), ("kind", kind)];
            Value::from_iter(gvk)
        };
        let mut list = Vec::new();
        for (resource, at) in self.served(group, version) {
            let mut entry = json!({
                "resource": resource.plural, "singularResource": resource.singular,
                "responseKind": kind(group, version, &resource.kind),
                "scope": scope(resource.namespaced), "verbs": verbs(resource),
            });
            if !resource.short_names.is_empty() {
                entry["shortNames"] = json!(resource.short_names);
            }
            if !resource.categories.is_empty() {
                entry["categories"] = json!(resource.categories);
            }
            let own: Vec<Value> = subresources(resource, at)
                .into_iter()
                .map(|(name, of, verbs)| {
                    let response = match of {
                        "TokenRequest" => kind("authentication.k8s.io", "v1", of),
                        _ => kind(group, version, of),
                    };
                    json!({ "subresource": name, "responseKind": response, "verbs": verbs })
                })
                .collect();
            if !own.is_empty() {
                entry["subresources"] = own.into();
            }
            list.push(entry);
        }
        for (_, plural, of, namespaced) in REVIEWS.iter().filter(|(g, ..)| *g == group) {
            list.push(
                json!({ "resource": plural, "singularResource": of.to_lowercase(),
                "responseKind": kind(group, version, of), "scope": scope(*namespaced),
                "verbs": ["create"] }),
            );
        }
        list
    }
}

fn verbs(resource: &Resource) -> Vec<&'static str> {
    let all = VERBS.iter().copied();
    match resource.builtin {
        None => CUSTOM_VERBS.to_vec(),
        Some(Builtin::Namespace) => all.filter(|v| *v != "deletecollection").collect(),
        _ => all.collect(),
    }
}

/// Name, kind and verbs of each subresource.
fn subresources(
    resource: &Resource,
    version: usize,
) -> Vec<(&'static str, &str, &'static [&'static str])> {
    let mut list: Vec<(&'static str, &str, &'static [&'static str])> = Vec::new();
    match resource.builtin {
        Some(Builtin::Namespace) => list.push(("finalize", &resource.kind, &["update"])),
        Some(Builtin::ServiceAccount) => list.push(("token", "TokenRequest", &["create"])),
        _ => {}
    }
    if resource.versions[version].status {
        list.push(("status", &resource.kind, &["get", "patch", "update"]));
    }
    list
}
