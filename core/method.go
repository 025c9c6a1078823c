package core

import (
	"regexp"
	"strconv"
	"strings"
)

// Method is a way to combine the items of a time step into one value per cell.
type Method struct {
	Name  string
	Param float64 // the percentile, 0 to 100; else 0
}

var methodNames = []string{"first", "last", "highest", "lowest", "mean", "median", "stdev", "sum", "count", "percentile(p)"}

var percentilePattern = regexp.MustCompile(`^percentile\(\s*([0-9.]+)\s*\)$`)

// ParseMethod reads a method's name; "" is first.
func ParseMethod(text string) (Method, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Method{Name: "first"}, nil
	}
	if m := percentilePattern.FindStringSubmatch(text); m != nil {
		if p, err := strconv.ParseFloat(m[1], 64); err == nil && p <= 100 {
			return Method{Name: "percentile", Param: p}, nil
		}
	}
	for _, name := range methodNames {
		if name == text && text != "percentile(p)" {
			return Method{Name: name}, nil
		}
	}
	return Method{}, Errorf(InvalidArgument, "MosaicMethod", "mosaic_method %q is not one of %s", text, strings.Join(methodNames, ", "))
}

// OutputType is the dtype of the result for sources of a dtype (SEMANTICS, dtype).
func (m Method) OutputType(in DType) DType {
	switch m.Name {
	case "mean", "median", "stdev", "percentile":
		return Float32
	case "sum":
		if in.IsFloat() {
			return Float64
		}
		return Int64
	case "count":
		return UInt16
	}
	return in
}

// IsFloat tells whether the method's result is a fraction, which an integer dtype would cut off.
func (m Method) IsFloat() bool {
	switch m.Name {
	case "mean", "median", "stdev", "percentile":
		return true
	}
	return false
}

// StopsWhenFull tells whether a cell's value is final as soon as one item filled it.
func (m Method) StopsWhenFull() bool { return m.Name == "first" }
