package main

import "cogweave/core"

// rereading runs a read, and once more from its start where a file turned out to have been replaced since
// its header was read: what was known of the file is forgotten by then. If delivered says that the caller
// has seen pixels already, the error stands, since the two versions must not be mixed. last tells the
// read whether it is the last try.
func rereading(delivered func() bool, read func(last bool) error) error {
	err := read(false)
	if core.ClassOf(err) == core.AssetChanged && !delivered() {
		err = read(true)
	}
	return err
}

func never() bool { return false }
