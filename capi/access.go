package main

import (
	"maps"
	"slices"

	"cogweave/core"
)

// access is how the stages that read files are to reach them. Python passes the variables of its
// environment along, since Go sees only those that the process was started with.
type access struct {
	Storage     map[string]map[string]any `json:"storage"` // options by URL prefix, in obstore's names
	Environment map[string]string         `json:"environment"`
}

// check refuses options that no store would look at: silently reading as somebody else is worse.
func (a access) check() error {
	for _, prefix := range slices.Sorted(maps.Keys(a.Storage)) {
		if len(a.Storage[prefix]) > 0 {
			return core.Errorf(core.InvalidArgument, "Storage",
				"storage: there are no options for %s: the stores of this version are files and http(s), which take none", prefix)
		}
	}
	return nil
}
