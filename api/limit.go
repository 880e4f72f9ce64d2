package api

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"
)

// addressLimit bounds sign-in attempts per client address, so that guessing is slow. It is generous: a whole meeting
// room signs in from one address.
type addressLimit struct {
	perMin  int
	now     func() time.Time
	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// maxAddresses bounds the memory of the limit; past it everyone starts afresh.
const maxAddresses = 50_000

func newAddressLimit(perMin int, now func() time.Time) *addressLimit {
	return &addressLimit{perMin: perMin, now: now, buckets: map[string]*rate.Limiter{}}
}

func (l *addressLimit) handle(c *gin.Context) {
	if !strings.HasPrefix(c.Request.URL.Path, basePath+"/auth/") {
		c.Next()
		return
	}
	now := l.now()
	reservation := l.bucket(c.ClientIP()).ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait <= 0 {
		c.Next()
		return
	}
	reservation.CancelAt(now)
	c.Header("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	answerProblem(c, problemOf(c, http.StatusTooManyRequests, "too_many", "尝试次数太多，请稍后再试"))
}

func (l *addressLimit) bucket(address string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.buckets[address]
	if !ok {
		if len(l.buckets) >= maxAddresses {
			clear(l.buckets)
		}
		b = rate.NewLimiter(rate.Limit(float64(l.perMin)/60), l.perMin)
		l.buckets[address] = b
	}
	return b
}
