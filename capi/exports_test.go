package main

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"testing"
)

// names gives the distinct matches of a pattern's first group in a file, sorted.
func names(t *testing.T, path, pattern string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestExportsAreTheHeadersFunctions(t *testing.T) {
	header := names(t, "include/cogweave.h", `(?m)^(?:cw_status|int64_t|uint32_t|void) (cw_\w+)\(`)
	exports := names(t, "exports.map", `\b(cw_[a-z_]+\w);`)
	if len(header) < 25 || !slices.Equal(header, exports) {
		t.Fatalf("cogweave.h declares %v\nexports.map shows   %v", header, exports)
	}
}

// The errors that C makes by itself have the members of Go's.
func TestErrorsOfCHaveAllMembers(t *testing.T) {
	var members []string
	for i, told := 0, reflect.TypeFor[errorText](); i < told.NumField(); i++ {
		members = append(members, told.Field(i).Tag.Get("json"))
	}
	slices.Sort(members)
	if written := names(t, "entry.c", `\\"(\w+)\\":`); !slices.Equal(written, members) {
		t.Fatalf("entry.c writes %v\nerrors have  %v", written, members)
	}
}

// Every export of Go is entered through a C function of the same name that tests for a fork.
func TestEveryGoExportHasAGuardedEntry(t *testing.T) {
	var exports []string
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := f.Name(); regexp.MustCompile(`\.go$`).MatchString(name) && name != "probe.go" {
			exports = append(exports, names(t, name, `(?m)^//export cwgo_(\w+)`)...)
		}
	}
	slices.Sort(exports)
	called := names(t, "entry.c", `\bcwgo_(\w+)\(`)
	guarded := names(t, "entry.c", `(?s)cw_(\w+)\([^;{]*\) \{[^}]*?(?:ENTER\(error\)|cwc_forked\(\))`)
	if len(exports) < 20 || !slices.Equal(exports, called) {
		t.Fatalf("Go exports %v\nentry.c calls %v", exports, called)
	}
	for _, name := range called {
		if !slices.Contains(guarded, name) {
			t.Errorf("cw_%s enters Go without a test for a fork", name)
		}
	}
}
