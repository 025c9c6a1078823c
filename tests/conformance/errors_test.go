// Package conformance compares Go with the language-neutral cases of this folder, which the Python
// suite reads as well.
package conformance

import (
	"encoding/json"
	"os"
	"testing"

	"cogweave/core"
)

func TestErrorClassesAreThoseOfPython(t *testing.T) {
	data, err := os.ReadFile("errors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Classes []struct{ Name core.Class }
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	classes := core.Classes()
	if len(classes) != len(file.Classes) {
		t.Fatalf("Go has %d classes, errors.json %d", len(classes), len(file.Classes))
	}
	for i, class := range classes {
		if class != file.Classes[i].Name {
			t.Errorf("class %d: Go has %s, errors.json %s", i, class, file.Classes[i].Name)
		}
	}
}
