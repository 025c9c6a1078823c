package cog

import (
	"math"
	"strings"

	"cogweave/core"
)

// readGeoref reads where the raster lies. A transform that cannot be meant is an error: pixels in the
// wrong place are worse than none.
func (h *Header) readGeoref(m *image) error {
	g, d, f := &h.Georef, m.dir, m.reader.file
	if err := h.readGeoKeys(f, d); err != nil {
		return err
	}
	if err := g.readTransform(f, d); err != nil {
		return err
	}
	if !g.HasTransform {
		g.HasGCPs = g.HasGCPs || d.find(tagRPC) != nil
		return nil
	}
	if g.PixelIsPoint {
		// The transform maps pixel centres; ours maps their corners.
		g.Transform = g.Transform.Shift(-0.5, -0.5)
	}
	return checkTransform(g.Transform, m.level.Width, m.level.Height)
}

// readTransform reads, in GDAL's order of preference, the pixel scale with the first tie point, the
// matrix, or tie points that are ground control points.
func (g *Georef) readTransform(f *file, d *directory) error {
	scale, err := f.optionalDoubles(d, tagPixelScale)
	if err != nil {
		return err
	}
	tie, err := f.optionalDoubles(d, tagTiepoint)
	if err != nil {
		return err
	}
	if len(scale) >= 2 {
		if scale[0] == 0 || scale[1] == 0 {
			return fail(badGeoref, "%s is %v", tagName(tagPixelScale), scale)
		}
		if len(tie) >= 6 {
			// A negative height is a mistake for a positive one: GDAL takes such files for north-up.
			a, e := scale[0], -math.Abs(scale[1])
			g.Transform = core.Affine{A: a, E: e, C: tie[3] - tie[0]*a, F: tie[4] - tie[1]*e}
			g.HasTransform = true
		}
		return nil
	}
	matrix, err := f.optionalDoubles(d, tagTransformation)
	if err != nil {
		return err
	}
	if len(matrix) == 16 {
		g.Transform = core.Affine{A: matrix[0], B: matrix[1], C: matrix[3], D: matrix[4], E: matrix[5], F: matrix[7]}
		g.HasTransform = true
		return nil
	}
	g.HasGCPs = len(tie) >= 6
	return nil
}

// optionalDoubles gives the values of a tag, or nil where the directory lacks it.
func (f *file) optionalDoubles(d *directory, tag uint16) ([]float64, error) {
	e := d.find(tag)
	if e == nil {
		return nil, nil
	}
	return f.doubles(e)
}

// checkTransform refuses a transform that cannot be inverted, or whose pixels are too small for the
// coordinates they lie at: neighbouring pixels would have the same place.
func checkTransform(t core.Affine, width, height int) error {
	if !t.Valid() {
		return fail(badGeoref, "the transform %v is not finite or cannot be inverted", t)
	}
	for _, corner := range [4][2]float64{{0, 0}, {float64(width), 0}, {0, float64(height)}, {float64(width), float64(height)}} {
		x, y := t.Apply(corner[0], corner[1])
		xc, yc := t.Apply(corner[0]+1, corner[1])
		xr, yr := t.Apply(corner[0], corner[1]+1)
		same := (x == xc && y == yc) || (x == xr && y == yr)
		if same || math.IsInf(x, 0) || math.IsInf(y, 0) || math.IsNaN(x) || math.IsNaN(y) {
			return fail(badGeoref, "the transform %v puts pixel (%g, %g) at (%g, %g), where pixels cannot be told apart",
				t, corner[0], corner[1], x, y)
		}
	}
	return nil
}

// The GeoKeys that decide what the CRS is.
const (
	keyModelType     = 1024
	keyRasterType    = 1025
	keyGeographic    = 2048
	keyTOWGS84       = 2062
	keyProjected     = 3072
	keyProjMethod    = 3075
	keyProjUnits     = 3076
	keyFirstProjParm = 3078
	keyLastProjParm  = 3095

	modelProjected  = 1
	modelGeographic = 2
	pixelIsPoint    = 2
	userDefined     = 32767
	metre           = 9001
)

// readGeoKeys reads the GeoKey directory. A malformed one costs the CRS, with a warning, as in GDAL.
func (h *Header) readGeoKeys(f *file, d *directory) error {
	g := &h.Georef
	e := d.find(tagGeoKeys)
	if e == nil {
		return nil
	}
	ascii := d.find(tagGeoASCII)
	if e.size() > maxGeoKeys || (ascii != nil && ascii.size() > maxGeoKeys) {
		return fail(badGeoref, "%s or %s has more than %d bytes", tagName(tagGeoKeys), tagName(tagGeoASCII), maxGeoKeys)
	}
	values, err := f.uints(e, e.count)
	if err != nil {
		h.warn("the CRS is not read: %v", err)
		return nil
	}
	if len(values) < 4 || values[0] != 1 || uint64(len(values)) < 4+4*values[3] {
		h.warn("the CRS is not read: %s is malformed", tagName(tagGeoKeys))
		return nil
	}
	g.Keys = shorts(values[:4+4*values[3]])
	if g.Doubles, err = f.optionalDoubles(d, tagGeoDoubles); err != nil {
		h.warn("CRS parameters are not read: %v", err)
	}
	if ascii != nil {
		if g.ASCII, err = f.text(ascii); err != nil {
			h.warn("CRS names are not read: %v", err)
		}
	}
	g.PixelIsPoint = g.key(keyRasterType) == pixelIsPoint
	g.EPSG = g.epsg()
	return nil
}

// key gives the value of a GeoKey that is stored in the directory itself, or 0.
func (g *Georef) key(id uint16) uint16 {
	for i := 4; i+4 <= len(g.Keys); i += 4 {
		if g.Keys[i] == id && g.Keys[i+1] == 0 {
			return g.Keys[i+3]
		}
	}
	return 0
}

// has tells whether the directory has any key in [first, last].
func (g *Georef) has(first, last uint16) bool {
	for i := 4; i+4 <= len(g.Keys); i += 4 {
		if g.Keys[i] >= first && g.Keys[i] <= last {
			return true
		}
	}
	return false
}

// epsg gives the code of the CRS where the keys name one and define nothing beside it.
func (g *Georef) epsg() int {
	// Two programs describe the CRS in the citations, and may contradict the code there.
	described := strings.Contains(g.ASCII, "IMAGINE GeoTIFF Support") || strings.Contains(g.ASCII, "ESRI PE String")
	if described || g.has(keyTOWGS84, keyTOWGS84) {
		return 0
	}
	model, projected, geographic := g.key(keyModelType), g.key(keyProjected), g.key(keyGeographic)
	switch {
	case model == modelProjected || (model == 0 && projected != 0):
		units := g.key(keyProjUnits) // other units than the code's own may be meant
		if g.has(keyProjMethod, keyProjMethod) || g.has(keyFirstProjParm, keyLastProjParm) || (units != 0 && units != metre) {
			return 0
		}
		return epsgCode(projected)
	case model == modelGeographic || (model == 0 && geographic != 0):
		return epsgCode(geographic)
	}
	return 0
}

// epsgCode tells codes of the register from the ranges that GeoTIFF gives other meanings.
func epsgCode(code uint16) int {
	if code < 1024 || code >= userDefined {
		return 0
	}
	return int(code)
}
