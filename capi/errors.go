package main

import (
	"encoding/json"

	"cogweave/capi/op"
	"cogweave/core"
)

// errorText is the JSON form of an error (cogweave.h, Rules). Fields that do not apply are null.
type errorText struct {
	Class     core.Class `json:"class"`
	Reason    *string    `json:"reason"`
	Message   string     `json:"message"`
	ItemID    *string    `json:"item_id"`
	Band      *string    `json:"band"`
	Argument  *string    `json:"argument"`
	Href      *string    `json:"href"`
	ByteRange *[2]int64  `json:"byte_range"` // half-open
	Attempts  int        `json:"attempts"`
	Cause     *string    `json:"cause"`
}

// maxCause bounds the text of a cause, which may hold a stack or a foreign library's report.
const maxCause = 16 << 10

func encodeError(err error) []byte {
	e := op.AsError(err)
	text := errorText{
		Class: e.Class, Reason: present(e.Reason), Message: core.Redact(e.Message), ItemID: present(e.ItemID),
		Band: present(e.Band), Argument: present(e.Argument), Href: present(core.Redact(e.Href)), Attempts: e.Attempts,
	}
	if e.Range != nil {
		text.ByteRange = &[2]int64{e.Range.Start, e.Range.End}
	}
	if e.Cause != nil {
		cause := core.Redact(e.Cause.Error())
		text.Cause = present(cause[:min(len(cause), maxCause)])
	}
	out, err := json.Marshal(text)
	if err != nil { // cannot be: strings and numbers only
		return []byte(`{"class":"CogweaveError","message":"an error that cannot be written as JSON"}`)
	}
	return out
}

func present(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
