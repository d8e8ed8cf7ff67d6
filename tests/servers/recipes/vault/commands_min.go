//go:build minimal

// Adds file storage to the minimal set, so that a restarted server keeps its data.
package command

import (
	_ "github.com/hashicorp/vault/helper/builtinplugins"
	"github.com/hashicorp/vault/sdk/physical/file"
)

func extendAddonHandlers(handlers *vaultHandlers) {
	handlers.physicalBackends["file"] = file.NewFileBackend
}
