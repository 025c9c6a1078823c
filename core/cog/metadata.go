package cog

import (
	"bytes"
	"encoding/xml"
	"io"
	"math"
	"strconv"
	"strings"

	"cogweave/core"
)

// readGhost reads the structural metadata that GDAL's COG driver writes between the TIFF header and
// the first directory.
func (h *Header) readGhost(f *file, lay layout) {
	const (
		title  = "GDAL_STRUCTURAL_METADATA_SIZE="
		digits = 6
		rest   = " bytes\n"
		first  = int64(len(title) + digits + len(rest))
	)
	start := int64(8)
	if lay == bigLayout {
		start = 16
	}
	line := f.view(start, first)
	if !bytes.HasPrefix(line, []byte(title)) {
		return
	}
	size, err := strconv.Atoi(string(line[len(title) : len(title)+digits]))
	if err != nil || size < 0 {
		return
	}
	ghost := f.view(start+first, int64(size))
	if ghost == nil {
		return
	}
	h.Leader = bytes.Contains(ghost, []byte("BLOCK_LEADER=SIZE_AS_UINT4\n")) &&
		!bytes.Contains(ghost, []byte("KNOWN_INCOMPATIBLE_EDITION=YES"))
}

// readMetadata reads GDAL's two private tags. Nothing in them is worth losing the file for.
func (h *Header) readMetadata(m *image) {
	f, d, main := m.reader.file, m.dir, &h.Levels[0]
	h.Scales = make([]float64, main.Samples)
	for i := range h.Scales {
		h.Scales[i] = 1
	}
	h.Offsets = make([]float64, main.Samples)
	h.Descriptions = make([]string, main.Samples)
	if e := d.find(tagGDALNoData); e != nil {
		h.readNoData(f, e, main.DType())
	}
	e := d.find(tagGDALMetadata)
	switch {
	case e == nil:
	case e.size() > maxXMLBytes:
		h.warn("%s is ignored: it has %d bytes; %d are allowed", tagName(e.tag), e.size(), maxXMLBytes)
	default:
		text, err := f.text(e)
		if err == nil {
			err = h.readItems(text)
		}
		if err != nil {
			h.warn("%s is not read to its end: %v", tagName(e.tag), err)
		}
	}
}

const maxNoDataBytes = 256

// readNoData reads the nodata value. One that no pixel can have is dropped: it masks nothing.
func (h *Header) readNoData(f *file, e *entry, dtype core.DType) {
	if e.size() > maxNoDataBytes {
		h.warn("%s is ignored: it has %d bytes", tagName(e.tag), e.size())
		return
	}
	text, err := f.text(e)
	if err != nil {
		h.warn("%s is ignored: %v", tagName(e.tag), err)
		return
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	v, ok := parseNumber(text)
	if !ok {
		h.warn("%s is ignored: %q is not a number", tagName(e.tag), text)
		return
	}
	if dtype == core.Float32 {
		v = asFloat32(v)
	}
	if dtype != "" && !dtype.Holds(v) {
		h.warn("%s is ignored: no %s pixel is %s", tagName(e.tag), dtype, text)
		return
	}
	h.NoData = core.NoData{Set: true, Value: v}
}

// asFloat32 gives the float32 that a decimal text stands for. The largest one is often written
// rounded up, beyond the range.
func asFloat32(v float64) float64 {
	if a := math.Abs(v); a > math.MaxFloat32 && a < math.MaxFloat32*(1+1e-7) {
		return math.Copysign(math.MaxFloat32, v)
	}
	if f := float64(float32(v)); !math.IsInf(f, 0) {
		return f
	}
	return v
}

// parseNumber reads a number as C's strtod and Microsoft's printf write it.
func parseNumber(text string) (float64, bool) {
	text = strings.TrimSpace(text)
	lower := strings.ToLower(text)
	switch bare := strings.TrimLeft(lower, "+-"); {
	case bare == "nan" || strings.HasPrefix(bare, "1.#qnan") || strings.HasPrefix(bare, "1.#ind") || strings.HasPrefix(bare, "1.#snan"):
		return math.NaN(), true
	case strings.HasPrefix(bare, "1.#inf"):
		if lower[0] == '-' {
			return math.Inf(-1), true
		}
		return math.Inf(1), true
	}
	v, err := strconv.ParseFloat(text, 64)
	return v, err == nil
}

// readItems reads the XML of GDAL_METADATA. Go's decoder expands no entities of a document's own, and
// a document that declares any is refused.
func (h *Header) readItems(text string) error {
	decoder := xml.NewDecoder(strings.NewReader(strings.ToValidUTF8(text, "\uFFFD")))
	var item xml.StartElement
	var value strings.Builder
	inItem := false
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if inItem = t.Name.Local == "Item"; inItem {
				item = t.Copy()
				value.Reset()
			}
		case xml.CharData:
			if inItem {
				value.Write(t)
			}
		case xml.EndElement:
			if inItem {
				h.takeItem(item, value.String())
			}
			inItem = false
		case xml.Directive:
			return fail(unsupported, "a document type declaration")
		}
	}
}

// unescapeTwice undoes a second layer of XML escapes, which GDAL writes and reads.
var unescapeTwice = strings.NewReplacer("&quot;", `"`, "&lt;", "<", "&gt;", ">", "&apos;", "'", "&amp;", "&")

// takeItem applies one metadata item.
func (h *Header) takeItem(item xml.StartElement, value string) {
	var name, role string
	sample := 0
	for _, a := range item.Attr {
		switch a.Name.Local {
		case "name":
			name = a.Value
		case "role":
			role = a.Value
		case "sample":
			n, err := strconv.Atoi(a.Value)
			if err != nil || n < 0 || n >= len(h.Scales) {
				return
			}
			sample = n
		}
	}
	switch strings.ToLower(role) {
	case "scale":
		h.takeNumber(h.Scales, sample, name, value)
	case "offset":
		h.takeNumber(h.Offsets, sample, name, value)
	case "description":
		h.Descriptions[sample] = unescapeTwice.Replace(value)
	case "":
		// The second name is how tools before GDAL's COG driver spell it.
		if name == "OVERVIEW_RESAMPLING" || (name == "OVR_RESAMPLING_ALG" && h.OverviewResampling == "") {
			h.OverviewResampling = strings.ToUpper(strings.TrimSpace(value))
		}
	}
}

func (h *Header) takeNumber(into []float64, sample int, name, value string) {
	v, ok := parseNumber(value)
	if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
		h.warn("%s of sample %d is ignored: %.32q", name, sample+1, value)
		return
	}
	into[sample] = v
}
