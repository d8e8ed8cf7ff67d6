//go:build minimal

// Adds the login methods that the tests need to the minimal set. All that they
// import is in the minimal build already, so each costs one package.
package builtinplugins

import (
	kubeauth "github.com/hashicorp/vault-plugin-auth-kubernetes"
	"github.com/hashicorp/vault/builtin/credential/ldap"
)

func extendAddonPlugins(r *registry) {
	r.credentialBackends["kubernetes"] = credentialBackend{Factory: kubeauth.Factory}
	r.credentialBackends["ldap"] = credentialBackend{Factory: ldap.Factory}
}
