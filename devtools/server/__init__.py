"""How clients reach us: the outermost layer, the guard, the GraphQL endpoint, the pages."""
