-- The probes' user sees the statistics (which the index must answer) and nothing else.
function IncomingHttpRequestFilter(method, uri, ip, username, httpHeaders)
  if username == 'champ-probe' then
    return method == 'GET' and uri == '/statistics'
  end
  return true
end
