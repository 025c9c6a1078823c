package fetch

import (
	"math"
	"time"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/fetch/httpstore"

	"golang.org/x/net/http/httpproxy"
)

// Config sets the limits of a Client. In every field but Hedge, Policy, CABundle, Proxy and CacheDir zero means the default,
// written behind it, and a negative number means "without": no limit, no cache, no retry.
type Config struct {
	ConnectTimeout   time.Duration // TCP connection, name lookup included; 5 s
	TLSTimeout       time.Duration // TLS handshake; 10 s
	FirstByteTimeout time.Duration // from the request sent to the answer's header; 15 s
	StallTimeout     time.Duration // an answer that brings less than StallRate for this long; 5 s
	StallRate        int64         // bytes per second; 1 KiB
	AttemptTimeout   time.Duration // one attempt, and a second more for each 16 KiB asked for; 30 s
	TotalTimeout     time.Duration // all attempts at a range and the pauses between, longer for large ones likewise; 60 s

	Attempts      int           // at one range, the first included; 5
	Backoff       time.Duration // the first pause is random up to this, each next one up to twice as long; 100 ms
	ThrottlePause time.Duration // the same after "too many requests"; 1 s
	MaxBackoff    time.Duration // longest pause; 10 s
	MaxRetryAfter time.Duration // longest wait that a server may ask for; 30 s
	RetryBudget   int           // tokens per host: a retry takes 14, of throttling 5, a success gives 1 back; 500

	MaxRequests        int     // under way in the process; 64
	MaxRequestsPerHost int     // under way to one host; 64
	StartPerHost       int     // the same for a host of which nothing is known yet: a success allows 1/32 more, "too many requests" 0.7 times as many; 32
	RequestsPerSecond  float64 // started in the process, local files apart; no limit
	MaxBytesInFlight   int64   // asked for and not yet arrived; 256 MiB

	Hedge      bool          // send a request whose answer is late a second time, 1 in 20 at most
	HedgeAfter time.Duration // when an answer is late: after this and after 19 of 20 of its host's; 2 s

	HeaderBytes      int64   // first read of a header, where files of its kind did not need more; 32 KiB
	HeaderCacheBytes int64   // parsed headers in memory; 256 MiB
	TileCacheBytes   int64   // compressed tiles in memory; 256 MiB
	CoalesceGap      int64   // largest gap read over to save a request, in bytes; 64 KiB
	CoalesceWaste    float64 // most gap bytes in a request, as a part of its tiles' bytes; 0.01
	CoalesceBytes    int64   // largest request made of several tiles; 8 MiB

	CacheDir   string        // folder for headers that processes share; none if ""
	CacheBytes int64         // of the files in it; 256 MiB
	CacheAge   time.Duration // since a header in it was last used; 90 days

	Limits   cog.Limits       // what a file's header may ask for
	Policy   httpstore.Policy // which addresses may be connected to; the zero value refuses link-local ones only
	CABundle string           // path of a PEM file of root certificates; the system's if ""
	Proxy    httpproxy.Config // proxies; none if empty
}

const (
	never    = 100 * 365 * 24 * time.Hour
	noLimit  = 1 << 60
	slowest  = 16 << 10 // bytes per second of the slowest link that large ranges must succeed on
	smallest = 1 << 10
)

// setting puts the default where a field is zero, and what "without" means where it is negative.
func setting[T int | int64 | float64 | time.Duration](field *T, byDefault, without T) {
	switch {
	case *field == 0:
		*field = byDefault
	case *field < 0:
		*field = without
	}
}

// Defaults is the configuration of a Client that was asked for nothing, with every default filled in.
func Defaults() Config { return Config{}.resolved() }

// resolved is the configuration with every default filled in.
func (c Config) resolved() Config {
	setting(&c.ConnectTimeout, 5*time.Second, never)
	setting(&c.TLSTimeout, 10*time.Second, never)
	setting(&c.FirstByteTimeout, 15*time.Second, never)
	setting(&c.StallTimeout, 5*time.Second, never)
	setting(&c.StallRate, 1<<10, 0)
	setting(&c.AttemptTimeout, 30*time.Second, never)
	setting(&c.TotalTimeout, 60*time.Second, never)
	setting(&c.Attempts, 5, 1)
	setting(&c.Backoff, 100*time.Millisecond, 0)
	setting(&c.ThrottlePause, time.Second, 0)
	setting(&c.MaxBackoff, 10*time.Second, never)
	setting(&c.MaxRetryAfter, 30*time.Second, 0)
	setting(&c.RetryBudget, 500, noLimit)
	setting(&c.MaxRequests, 64, noLimit)
	setting(&c.MaxRequestsPerHost, 64, noLimit)
	setting(&c.StartPerHost, 32, noLimit)
	c.StartPerHost = min(c.StartPerHost, c.MaxRequestsPerHost)
	setting(&c.RequestsPerSecond, 0, 0)
	setting(&c.MaxBytesInFlight, 256<<20, noLimit)
	setting(&c.HedgeAfter, 2*time.Second, 0)
	setting(&c.HeaderBytes, 32<<10, smallest)
	setting(&c.HeaderCacheBytes, 256<<20, 0)
	setting(&c.TileCacheBytes, 256<<20, 0)
	setting(&c.CoalesceGap, 64<<10, 0)
	setting(&c.CoalesceWaste, 0.01, 0)
	setting(&c.CoalesceBytes, 8<<20, 0)
	setting(&c.CacheBytes, 256<<20, 0)
	setting(&c.CacheAge, 90*24*time.Hour, 0)
	if c.Limits == (cog.Limits{}) {
		c.Limits = cog.DefaultLimits
	}
	return c
}

// validate refuses what would leave the Client unable to do anything.
func (c Config) validate() error {
	if c.HeaderBytes > 0 && c.HeaderBytes < smallest {
		return core.Errorf(core.InvalidArgument, "Config", "the first read of a header must be at least %d bytes, not %d", smallest, c.HeaderBytes)
	}
	if math.IsNaN(c.RequestsPerSecond) || math.IsNaN(c.CoalesceWaste) {
		return core.Errorf(core.InvalidArgument, "Config", "a limit must be a number, not NaN")
	}
	return nil
}

func (c Config) httpStore() httpstore.Config {
	return httpstore.Config{
		ConnectTimeout: c.ConnectTimeout, TLSTimeout: c.TLSTimeout, FirstByteTimeout: c.FirstByteTimeout,
		MaxIdlePerHost: min(c.MaxRequests, c.MaxRequestsPerHost), CABundle: c.CABundle, Policy: c.Policy, Proxy: c.Proxy,
	}
}
