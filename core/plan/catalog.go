package plan

import "cogweave/core"

// catalogOutlines computes outlines by the projection extension, each once: items repeat each other's.
type catalogOutlines struct {
	grid       core.Grid
	projection Projection
	shift      uint // of extents
	computed   int  // outlines so far

	numbers map[string]int32 // of systems, by definition
	systems []relation
	degrees []core.Transformer // of each system into longitude and latitude; nil where there is none
	errs    []error
	system  int32 // last looked up
	crs     string

	extents map[raster]found
	told    map[*core.Proj]found // as extents, for descriptions that items share: quicker to look up
	proj    *core.Proj           // last looked up
	last    found
	points  outlinePoints
}

// raster is what an outline depends on.
type raster struct {
	system        int32
	width, height int
	transform     core.Affine
}

// found is an outline; ok is false where the projection's terms are of no use.
type found struct {
	extent extent
	box    lonLatBox // as the catalog places the raster
	ok     bool
}

// maxRemembered bounds the memory for outlines that may not come again.
const maxRemembered = 1 << 16

// extent gives the outline of an asset by the projection extension; ok is false where it does not say, or where it
// contradicts the box of the item.
func (c *catalogOutlines) extent(proj *core.Proj, item *[4]float64) (e extent, ok bool) {
	if proj != c.proj {
		last, known := c.told[proj]
		if !known {
			if proj.Known() {
				last = c.lookUp(proj)
			}
			if c.told == nil || len(c.told) >= maxRemembered {
				c.told = map[*core.Proj]found{}
			}
			c.told[proj] = last
		}
		c.proj, c.last = proj, last
	}
	return c.last.extent, c.last.ok && !c.last.box.astray(item)
}

func (c *catalogOutlines) lookUp(proj *core.Proj) found {
	key := raster{c.systemOf(proj.CRS), proj.Shape[1], proj.Shape[0], proj.Transform}
	f, known := c.extents[key]
	if known {
		return f
	}
	if c.errs[key.system] == nil {
		r := c.systems[key.system]
		g := geometry{relation: r, width: key.width, height: key.height}
		g.transform, g.again = r.asOnGrid(key.transform, key.width)
		f = found{extentOf(g.findOutline(c.grid, &c.points), c.shift), lonLatBoxOf(proj, c.degrees[key.system]), true}
		c.computed++
	}
	if c.extents == nil || len(c.extents) >= maxRemembered {
		c.extents = map[raster]found{}
	}
	c.extents[key] = f
	return f
}

// systemOf numbers a CRS. Definitions may be long: the last one is compared before a map hashes it.
func (c *catalogOutlines) systemOf(crs string) int32 {
	if len(c.systems) > 0 && crs == c.crs {
		return c.system
	}
	number, known := c.numbers[crs]
	if !known {
		if c.numbers == nil {
			c.numbers = map[string]int32{}
		}
		number = int32(len(c.systems))
		r, err := relate(c.grid, crs, c.projection)
		degrees, _ := c.projection.Transformer(crs, "EPSG:4326") // nil where it fails: nothing to compare with
		c.numbers[crs], c.systems, c.errs = number, append(c.systems, r), append(c.errs, err)
		c.degrees = append(c.degrees, degrees)
	}
	c.system, c.crs = number, crs
	return number
}

// forget drops what was remembered, when no item is left.
func (c *catalogOutlines) forget() {
	*c = catalogOutlines{grid: c.grid, projection: c.projection, shift: c.shift, computed: c.computed}
}
