/** Who is cut out of which picture: places of faces, in pixels, in the pictures that manifest.json pins. */

export interface Place {
  picture: string
  x: number
  y: number
}

export interface Person {
  id: string
  /** Where the traveller at the gate comes from. */
  live: Place
  /** Where the passport photo comes from: for one person a picture taken at another time. */
  passport: Place
}

const place = (number: number, x: number, y: number): Place => ({ picture: `package/demo/sample${number}.jpg`, x, y })
const same = (id: string, at: Place): Person => ({ id, live: at, passport: at })

export const people: Person[] = [
  { id: 'anh', live: place(3, 1181, 375), passport: place(1, 1556, 339) },
  same('binh', place(3, 697, 491)),
  same('chi', place(3, 1593, 456)),
  same('dung', place(5, 471, 1049)),
  same('giang', place(6, 1591, 435)),
  same('hoa', place(6, 783, 502)),
  same('lan', place(6, 358, 649)),
  same('mai', place(5, 1517, 548)),
]
