package main

// #include "guard.h"
import "C"

import "cogweave/capi/op"

//export cwgo_notices
func cwgo_notices(out **C.char, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		texts := []string{}
		if e := engineIfRunning(); e != nil {
			texts = append(texts, e.fetch.TakeNotices()...)
		}
		return giveJSON(out, map[string][]string{"notices": texts})
	})
}

// announce tells the readers of final completions how many notices wait.
func announce(events []op.Event) {
	for i := range events {
		if events[i].Kind == op.Done {
			if e := engineIfRunning(); e != nil {
				events[i].Value |= int64(e.fetch.NoticesWaiting())
			}
		}
	}
}

func engineIfRunning() *engine {
	process.Lock()
	defer process.Unlock()
	return process.engine
}
