// Gives RestorePolicy the two results that Vault 1.21.4 calls it with; the newest
// published sdk has the older form, which the recipe renames to restorePolicy.
package keysutil

import (
	"context"

	"github.com/hashicorp/vault/sdk/logical"
)

func (lm *LockManager) RestorePolicy(
	ctx context.Context, storage logical.Storage, name, backup string, force bool,
) (string, error) {
	restored := name
	err := lm.restorePolicy(ctx, storage, &restored, name, backup, force)
	return restored, err
}
