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
	// Text is the band of best, the name of a callable; else "".
	Text string
}

var methodNames = []string{"first", "last", "highest", "lowest", "mean", "median", "stdev", "sum", "count",
	"percentile(p)", "medoid", "best(band)"}

var (
	percentilePattern = regexp.MustCompile(`^percentile\(\s*(.*?)\s*\)$`)
	bestPattern       = regexp.MustCompile(`^best\(\s*(.+?)\s*\)$`)
	callablePattern   = regexp.MustCompile(`^callable\((.*)\)$`)
)

// ParseMethod reads a method's name; "" is first, "callable(name)" a function of the caller's.
func ParseMethod(text string) (Method, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Method{Name: "first"}, nil
	}
	if m := percentilePattern.FindStringSubmatch(text); m != nil && m[1] != "p" {
		p, err := strconv.ParseFloat(m[1], 64)
		if err != nil || !(p >= 0 && p <= 100) {
			return Method{}, Errorf(InvalidArgument, "MosaicMethod", "mosaic_method %q: a percentile lies between 0 and 100", text)
		}
		return Method{Name: "percentile", Param: p}, nil
	}
	if m := callablePattern.FindStringSubmatch(text); m != nil {
		return Method{Name: "callable", Text: m[1]}, nil
	}
	if m := bestPattern.FindStringSubmatch(text); m != nil {
		return Method{Name: "best", Text: m[1]}, nil
	}
	for _, name := range methodNames {
		if name == text && !strings.Contains(name, "(") {
			return Method{Name: name}, nil
		}
	}
	return Method{}, Errorf(InvalidArgument, "MosaicMethod", "mosaic_method %q is not one of %s, or a callable", text, strings.Join(methodNames, ", "))
}

// OutputType is the dtype of the result for sources of a dtype.
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

// Joint tells whether the method looks at several bands of an item at once: a cell's value in one band then
// depends on the others.
func (m Method) Joint() bool {
	return m.Name == "medoid" || m.Name == "best" || m.Name == "callable"
}

// PerBand tells whether the method may take a cell's bands from different items by their values, so that it
// contradicts a wish for bands of one item.
func (m Method) PerBand() bool { return m.Name == "highest" || m.Name == "lowest" }

// Physical gives the scale and offset that turn the method's result into a physical value, for pixels of which
// scale and offset do: 1 and 0 where no such pair exists.
func (m Method) Physical(scale, offset float64) (float64, float64) {
	switch m.Name {
	case "count", "callable":
		return 1, 0
	case "stdev":
		if scale < 0 {
			scale = -scale
		}
		return scale, 0
	case "sum":
		if offset != 0 {
			return 1, 0
		}
	}
	return scale, offset
}
