package api

// Route is a line of the route table, for the tests.
type Route struct{ Method, Path, Role, Operation string }

// RouteTable is the route table, for the tests.
func RouteTable() []Route {
	var table []Route
	for _, r := range (&server{}).routes() {
		table = append(table, Route{r.method, r.path, string(r.role), r.name})
	}
	return table
}
