package core

import (
	"errors"
	"fmt"
	"strings"
)

// Class is the branch of cogweave's error tree that an error belongs to: what a handler would do
// about it. The names are those of the Python exceptions.
type Class string

// The classes, in the order of the Python module; tests compare the two lists.
const (
	InvalidArgument Class = "InvalidArgument"
	SearchError     Class = "SearchError"
	AssetError      Class = "AssetError"
	AssetNotFound   Class = "AssetNotFound"
	AccessDenied    Class = "AccessDenied"
	AssetChanged    Class = "AssetChanged"
	FetchTimeout    Class = "FetchTimeout"
	DecodeError     Class = "DecodeError"
	BudgetExceeded  Class = "BudgetExceeded"
	ForkedProcess   Class = "ForkedProcess"
	Cancelled       Class = "Cancelled"
	// Internal is a defect of cogweave itself (a recovered panic); Python raises CogweaveError.
	Internal Class = "CogweaveError"
)

// Classes lists every class.
func Classes() []Class {
	return []Class{InvalidArgument, SearchError, AssetError, AssetNotFound, AccessDenied, AssetChanged,
		FetchTimeout, DecodeError, BudgetExceeded, ForkedProcess, Cancelled, Internal}
}

// Error is the only error type that leaves the library. Fields that do not apply are zero.
type Error struct {
	Class    Class
	Reason   string     // finer name within the class, such as "RangeMismatch" or "TiffLimit"
	Message  string     // one sentence, without the fields below
	ItemID   string     // STAC item
	Band     string     // band as the user asked for it
	Argument string     // the caller's argument that named what is not there
	Href     string     // redacted when set through WithHref
	Range    *ByteRange // bytes asked for
	Attempts int        // requests made before giving up
	Cause    error
}

// Errorf makes an Error of a class. A %w verb sets the cause.
func Errorf(class Class, reason, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Class: class, Reason: reason, Message: Redact(err.Error()), Cause: errors.Unwrap(err)}
}

// Error is the message followed by the fields that are set.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	sep := " ["
	add := func(name string, value any) {
		fmt.Fprintf(&b, "%s%s=%v", sep, name, value)
		sep = ", "
	}
	if e.ItemID != "" {
		add("item", e.ItemID)
	}
	if e.Band != "" {
		add("band", e.Band)
	}
	if e.Href != "" {
		add("href", e.Href)
	}
	if e.Range != nil {
		add("bytes", e.Range.String())
	}
	if e.Attempts > 1 {
		add("attempts", e.Attempts)
	}
	if sep != " [" {
		b.WriteByte(']')
	}
	return b.String()
}

// Unwrap gives the cause, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Cause }

// WithHref sets the href, without its secrets, where it is not set yet.
func (e *Error) WithHref(href string) *Error {
	if e.Href == "" {
		e.Href = Redact(href)
	}
	return e
}

// InBand returns err naming the item and band it concerns. Fields that are already set stay.
// The error passed in is not modified: single-flight readers may share it.
func InBand(err error, itemID, band string) error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		e = Errorf(Internal, "", "%w", err)
	}
	named := *e
	if named.ItemID == "" {
		named.ItemID = itemID
	}
	if named.Band == "" {
		named.Band = band
	}
	return &named
}

// ClassOf gives the class of err: its own, or Internal for a foreign error.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Internal
}
