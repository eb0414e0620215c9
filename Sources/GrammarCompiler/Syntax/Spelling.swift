/// The likeliest word that someone meant.
enum Spelling {
  static func closest(to name: String, among candidates: [String]) -> String? {
    let limit = max(1, name.count / 4)
    return candidates.map { ($0, distance(name.lowercased(), $0.lowercased())) }
      .filter { $0.1 <= limit }
      .min { ($0.1, $0.0) < ($1.1, $1.0) }?.0
  }

  /// How many letters are wrong, missing, too many, or swapped with the next one.
  private static func distance(_ left: String, _ right: String) -> Int {
    let left = Array(left)
    let right = Array(right)
    var rowBefore: [Int] = []
    var row = Array(0...right.count)
    for index in left.indices {
      var next = [index + 1]
      for column in right.indices {
        var least = min(row[column] + (left[index] == right[column] ? 0 : 1), row[column + 1] + 1, next[column] + 1)
        if index > 0, column > 0, left[index] == right[column - 1], left[index - 1] == right[column] {
          least = min(least, rowBefore[column - 1] + 1)
        }
        next.append(least)
      }
      rowBefore = row
      row = next
    }
    return row[right.count]
  }
}
