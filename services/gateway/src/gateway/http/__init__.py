"""What every route uses: access, errors, bodies, CORS, request ids."""
